using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lur.Bench.Pages;

/// <summary>The tables of a run on a GPU: Gpu.json.</summary>
internal static class GpuTables
{
    /// <summary>Kernels of a table, the costliest.</summary>
    private const int Costliest = 12;

    /// <summary>Stages, steps, PyTorch beside them, vectors, kernels; what was not run has no table.</summary>
    public static string Render(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var text = new StringBuilder();
        void Add(string? part)
        {
            if (part is not null)
                text.Append(part).Append('\n');
        }

        Add(Stages(root));
        Add(Tests(root));
        Add(Steps(root));
        Add(Peers(root));
        Add(Vectors(root));
        Add(Kernels(root));
        string Text(string name) => root.GetProperty(name).GetString()!;
        return $"{text}`gpu-bundle/run.sh`; {Text("gpu")}, driver {(Text("driver") is { Length: > 0 } d ? d : "-")}; {Text("commit")}.\n";
    }

    private static string Stages(JsonElement root)
    {
        var table = new MarkdownTable("Stage", "Result", "s", "Reason");
        foreach (var stage in root.GetProperty("stages").EnumerateArray())
        {
            table.Add(
                stage.GetProperty("stage").GetString()!,
                stage.GetProperty("result").GetString()!,
                MarkdownTable.Number(stage, "seconds", 0),
                stage.GetProperty("reason").GetString()!.Replace('|', '/')
            );
        }

        return table.ToString();
    }

    private static string? Tests(JsonElement root) =>
        root.TryGetProperty("tests", out var tests)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Tests: {Of(tests, "passed")} passed, {Of(tests, "failed")} failed, {Of(tests, "skipped")} not run.\n"
            )
            : null;

    private static string? Steps(JsonElement root)
    {
        if (!root.TryGetProperty("steps", out var steps))
            return null;
        var table = new MarkdownTable("Step", "ms", "Device MB");
        foreach (var row in steps.GetProperty("rows").EnumerateArray())
        {
            table.Add(
                $"{Named(row)}, {row.GetProperty("title").GetString()}",
                MarkdownTable.Number(row, "medianMs", 2),
                MarkdownTable.Number(row, "deviceBytes", 0, 1e6)
            );
        }

        return table.ToString();
    }

    /// <summary>Each of PyTorch's steps beside Lur's of that name; a variant, as in sgd-best, beside the step itself.</summary>
    private static string? Peers(JsonElement root)
    {
        if (!root.TryGetProperty("peers", out var peers))
            return null;
        JsonElement[] rows = [.. peers.GetProperty("rows").EnumerateArray()];
        bool Is(JsonElement row, string program) => row.GetProperty("program").GetString() == program;
        var table = new MarkdownTable("Step of PyTorch", "Lur ms", "PyTorch ms", "PyTorch / Lur", "Lur MB", "PyTorch MB", "Lur / PyTorch");
        foreach (var theirs in rows.Where(r => Is(r, "pytorch")))
        {
            var step = theirs.GetProperty("step").GetString()!;
            var own = step.Replace("-tf32", "", StringComparison.Ordinal).Replace("-best", "", StringComparison.Ordinal);
            var ours = rows.FirstOrDefault(r => Is(r, "lur") && Named(r) == Named(theirs) && r.GetProperty("step").GetString() == own);
            table.Add(
                $"{Named(theirs)}, {step}",
                Number(ours, "medianMs", 2),
                MarkdownTable.Number(theirs, "medianMs", 2),
                Ratio(theirs, ours, "medianMs"),
                Number(ours, "deviceBytes", 0, 1e6),
                MarkdownTable.Number(theirs, "deviceBytes", 0, 1e6),
                Ratio(ours, theirs, "deviceBytes")
            );
        }

        return table.ToString();
    }

    private static string? Vectors(JsonElement root)
    {
        if (!root.TryGetProperty("kernels", out var kernels))
            return null;
        var table = new MarkdownTable("Flat-vector kernel", "us", "GB/s", "of a copy's");
        foreach (var row in kernels.GetProperty("vectors").EnumerateArray())
        {
            table.Add(
                row.GetProperty("kernel").GetString()!,
                MarkdownTable.Number(row, "microseconds", 1),
                MarkdownTable.Number(row, "gigabytesPerSecond", 0),
                MarkdownTable.Number(row, "shareOfCopy", 2)
            );
        }

        return table.ToString();
    }

    private static string? Kernels(JsonElement root)
    {
        if (!root.TryGetProperty("kernels", out var kernels))
            return null;
        var table = new MarkdownTable("Kernel of an exact LUR step", "Nodes", "us", "predicted us", "GB/s", "Traced bytes / least");
        foreach (var model in kernels.GetProperty("kernels").EnumerateArray().GroupBy(Named))
        foreach (var row in model.Take(Costliest))
        {
            table.Add(
                $"{model.Key}, {row.GetProperty("kernel").GetString()}",
                MarkdownTable.Number(row, "nodes", 0),
                MarkdownTable.Number(row, "microseconds", 1),
                MarkdownTable.Number(row, "predictedMicroseconds", 1),
                MarkdownTable.Number(row, "gigabytesPerSecond", 0),
                MarkdownTable.Number(row, "tracedBytesRatio", 2)
            );
        }

        return table.ToString();
    }

    private static string Named(JsonElement row) =>
        string.Create(CultureInfo.InvariantCulture, $"{row.GetProperty("model").GetString()}, batch {Of(row, "batch")}");

    private static int Of(JsonElement row, string name) => row.GetProperty(name).GetInt32();

    private static string Number(JsonElement row, string name, int decimals, double unit = 1) =>
        row.ValueKind == JsonValueKind.Object ? MarkdownTable.Number(row, name, decimals, unit) : "-";

    private static string Ratio(JsonElement above, JsonElement below, string name) =>
        above.ValueKind == JsonValueKind.Object
        && below.ValueKind == JsonValueKind.Object
        && above.TryGetProperty(name, out var a)
        && below.TryGetProperty(name, out var b)
        && b.GetDouble() > 0
            ? MarkdownTable.Text(a.GetDouble() / b.GetDouble(), 2)
            : "-";
}
