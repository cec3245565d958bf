using System.CommandLine;

namespace Lur.Cli.Commands;

/// <summary>lur kernels: the kernel sources this build ships, and their compiled images.</summary>
internal static class KernelsCommand
{
    /// <summary>Where the sources lie: beside the program.</summary>
    public static string SourceFolder => Path.Combine(AppContext.BaseDirectory, "kernels");

    public static Command Create()
    {
        var list = new Option<bool>("--list") { Description = "List the kernel files and their entry points." };
        var command = new Command("kernels", "List the kernels of this build, or compile them ahead of time.") { list };
        return command
            .WithExamples("lur kernels --list")
            .Runs((context, parsed) => List(context));
    }

    private static int List(CommandContext context)
    {
        var table = new Table("kernels", new Column("file", "File"), new Column("bytes", "Bytes", Right: true));
        foreach (string path in Sources())
            table.Add(Path.GetRelativePath(SourceFolder, path), new FileInfo(path).Length);
        TablePrinter.Print(context, table);
        return ExitCode.Done;
    }

    private static IEnumerable<string> Sources() => Directory.Exists(SourceFolder)
        ? Directory.EnumerateFiles(SourceFolder, "*.cu", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        : throw new UserErrorException($"the kernel sources are missing from '{SourceFolder}'; build or unpack Lur again.");
}
