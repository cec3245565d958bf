using System.Globalization;
using Lur.Device;
using Lur.Models;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Printing;

/// <summary>What a GPU would see of the kernels of a step.</summary>
internal static class KernelTraceReport
{
    /// <summary>Traces an exact LUR step of each model and prints a row a kernel, or a row a shape of launch of one kernel.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="kernel">The kernel, or null for all.</param>
    /// <param name="models">Architectures with their batch sizes.</param>
    /// <exception cref="UserErrorException">A model or the kernel is not known, or nothing can trace.</exception>
    public static int Print(CommandContext context, string? kernel, IReadOnlyList<string> models)
    {
        var known = KernelCatalog.Files.SelectMany(f => f.Kernels.Select(k => (k.Name, f.Path))).ToDictionary(StringComparer.Ordinal);
        if (kernel is not null && !known.ContainsKey(kernel))
            throw new UserErrorException(
                $"There is no kernel '{kernel}'; " + Spelling.DidYouMean(kernel, known.Keys, "'lur kernels --list' names them.")
            );
        var steps = models.Select(Parse).ToArray();
        using var device = KernelTrace.OpenDevice();
        foreach (var (text, model, batch) in steps)
        {
            context.Note($"tracing {text}");
            var traces = TraceRun.Step(device, model, batch);
            var rows = kernel is null
                ? traces.GroupBy(t => t.Kernel).Select(g => KernelTrace.Sum([.. g])).OrderBy(t => known.GetValueOrDefault(t.Kernel))
                : traces.Where(t => t.Kernel == kernel);
            TablePrinter.Print(context, TableOf(text, [.. rows], known, shapes: kernel is not null));
        }

        context.Note("Counted on a sample of the blocks of each launch; docs/kernels.md says what each column is.");
        return ExitCode.Done;
    }

    private static (string Text, string Model, int Batch) Parse(string text)
    {
        var colon = text.LastIndexOf(":b", StringComparison.Ordinal);
        if (
            colon <= 0
            || !int.TryParse(text.AsSpan(colon + 2), NumberStyles.None, CultureInfo.InvariantCulture, out var batch)
            || batch < 1
        )
            throw new UserErrorException($"'{text}' has no batch size; write it behind the architecture, for example resnet18:w64:b128.")
            {
                IsUsage = true,
            };
        _ = ModelFamilies.Parse(text[..colon], new ImageSize(32, 32, 3), 10);
        return (text, text[..colon], batch);
    }

    private static Table TableOf(string title, KernelTrace[] rows, Dictionary<string, string> files, bool shapes)
    {
        Column[] first = shapes ? [new("grid", "Grid"), new("block", "Block")] : [new("file", "File"), new("kernel", "Kernel")];
        var table = new Table(
            "trace",
            [
                .. first,
                new("launches", "Launches", Right: true),
                new("loadSectors", "Load sectors / least", Right: true),
                new("storeSectors", "Store sectors / least", Right: true),
                new("bankConflict", "Bank conflict", Right: true),
                new("activeLanes", "Active lanes", Right: true),
                new("bytesRatio", "Bytes / least", Right: true),
                new("atomics", "Atomics", Right: true),
            ]
        )
        {
            Title = title,
        };
        foreach (var t in rows)
        {
            Cell[] names = shapes ? [string.Join(' ', t.Grid), string.Join(' ', t.Block)] : [files.GetValueOrDefault(t.Kernel), t.Kernel];
            table.Add([
                .. names,
                t.Launches,
                Cell.Number(t.Loads.Ratio),
                Cell.Number(t.Stores.Ratio),
                new Cell(t.WorstConflict, t.WorstConflict == 0 ? "-" : $"{t.WorstConflict}-way"),
                Cell.Percent(t.ActiveShare),
                Cell.Number(t.BytesRatio),
                t.Atomics,
            ]);
        }

        return table;
    }
}
