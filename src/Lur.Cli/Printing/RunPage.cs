using Lur.Reports;

namespace Lur.Cli.Printing;

/// <summary>The page at the end of a run.</summary>
internal static class RunPage
{
    /// <summary>Writes it: the model is saved by then, so a page that cannot be drawn is a warning.</summary>
    /// <returns>True if it was written.</returns>
    public static bool TryWrite(CommandContext context, string folder)
    {
        try
        {
            ForgetPage.Write(folder);
            return true;
        }
        catch (UserErrorException e)
        {
            context.Warn($"{ForgetPage.FileName} was not written: {e.Message} 'lur report {folder}' writes it again.");
            return false;
        }
    }
}
