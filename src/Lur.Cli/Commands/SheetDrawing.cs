using Lur.Cli.Printing;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>Draws with a model and puts the first images on a sheet.</summary>
internal static class SheetDrawing
{
    /// <summary>Draws.</summary>
    /// <param name="context">Where it is told.</param>
    /// <param name="settings">What is drawn.</param>
    /// <param name="cancel">Stops between steps.</param>
    public static void Draw(CommandContext context, SampleSettings settings, CancellationToken cancel) =>
        new SampleRun(
            settings with
            {
                Sheet = (stream, images, size) => SampleSheet.Write(stream, images, size.Channels, size.Height, size.Width),
                SheetColumns = SampleSheet.Columns,
            },
            RunPrinter.Host(context)
        ).Run(cancel);
}
