using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>The page at the end of a run.</summary>
internal static class RunPage
{
    /// <summary>Writes it. The results are saved by then: where the page cannot be drawn (a library is missing), that is a
    /// warning.</summary>
    /// <returns>True if it was written.</returns>
    /// <exception cref="UserErrorException">It cannot be written; the results stay.</exception>
    public static bool Write(CommandContext context, string folder)
    {
        string page;
        try
        {
            using var run = RunFolder.Open(folder);
            page = ForgetPage.Render(run);
        }
        catch (UserErrorException e)
        {
            context.Warn($"{ForgetPage.FileName} was not written: {e.Message} 'lur report {folder}' writes it again.");
            return false;
        }

        try
        {
            AtomicFile.WriteText(Path.Combine(folder, ForgetPage.FileName), page);
            return true;
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"The results are in '{folder}', but {e.Message} 'lur report {folder}' writes the page again.", e);
        }
    }
}
