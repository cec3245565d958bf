using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lur.Bench.Pages;

/// <summary>Tables from the files in bench/results.</summary>
internal static class BenchTables
{
    /// <summary>Steps by method: Methods.json.</summary>
    public static string Methods(string json)
    {
        using var document = JsonDocument.Parse(json);
        var table = new MarkdownTable("Step", "ms", "Device MB", "Host MB", "Allocated B");
        foreach (var c in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            foreach (var row in c.GetProperty("rows").EnumerateArray())
            {
                table.Add(
                    $"{CaseOf(c, row)}, {row.GetProperty("title").GetString()}",
                    MarkdownTable.Number(row, "medianMs", 1),
                    MarkdownTable.Number(row, "deviceMegabytes", 1),
                    MarkdownTable.Number(row, "hostMegabytes", 0),
                    MarkdownTable.Number(row, "allocatedBytes", 0)
                );
            }
        }

        return table + Origin(document.RootElement);
    }

    /// <summary>Epochs and runs: Methods.json. A sentence says for each case where LUR is not below ScissorHands.</summary>
    public static string Runs(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        JsonElement[] cases = [.. root.GetProperty("cases").EnumerateArray()];
        string[] peers =
        [
            .. cases
                .SelectMany(c => c.GetProperty("runs").EnumerateArray())
                .Where(IsOurs)
                .SelectMany(r => r.GetProperty("ratios").EnumerateArray())
                .Select(r => r.GetProperty("to").GetString()!)
                .Distinct(),
        ];
        var table = new MarkdownTable([
            "Run",
            "Joint + plain steps an epoch",
            "s an epoch",
            "s a run",
            "Device MB",
            .. peers.SelectMany(p => new[] { $"Time / {p}", $"Device memory / {p}", $"Host memory / {p}" }),
        ]);
        var verdict = new StringBuilder();
        foreach (var c in cases)
        {
            JsonElement[] runs = [.. c.GetProperty("runs").EnumerateArray()];
            foreach (var run in runs)
                table.Add(Cells(c, run, peers));
            verdict.Append(Verdict(c, [.. runs.Where(IsOurs)]));
        }

        var epochs = string.Create(
            CultureInfo.InvariantCulture,
            $"A run is the trim and {root.GetProperty("epochs").GetInt32()} epochs over "
                + $"{root.GetProperty("retainImages").GetInt32():N0} retained and {root.GetProperty("forgetImages").GetInt32():N0} "
                + $"forgotten images, put together from the medians of its parts; ScissorHands renews its memories every epoch."
        );
        return $"{table}\n{epochs}\n\n{verdict}{Origin(root)}";
    }

    /// <summary>Steps beside PyTorch: Peers.json.</summary>
    public static string Peers(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var table = new MarkdownTable("Step", "Lur ms", "PyTorch ms", "PyTorch / Lur", "Lur peak MB", "PyTorch peak MB", "Lur / PyTorch");
        foreach (var row in root.GetProperty("steps").EnumerateArray())
        {
            table.Add(
                $"{CaseOf(row, row)}, "
                    + $"{(row.TryGetProperty("title", out var title) ? title.GetString() : row.GetProperty("step").GetString())}",
                MarkdownTable.Number(row, "lurMs", 0),
                MarkdownTable.Number(row, "pytorchMs", 0),
                MarkdownTable.Number(row, "speedup", 2),
                MarkdownTable.Number(row, "lurPeakRssBytes", 0, 1e6),
                MarkdownTable.Number(row, "pytorchPeakRssBytes", 0, 1e6),
                MarkdownTable.Number(row, "memoryRatio", 2)
            );
        }

        var text = new StringBuilder(table.ToString()).Append('\n');
        if (root.TryGetProperty("check", out var check) && check.GetArrayLength() > 0)
        {
            var largest = check.EnumerateArray().Max(c => c.GetProperty("weights").GetDouble());
            text.Append(
                CultureInfo.InvariantCulture,
                $"Before they were timed, both made the same steps in float64 on the same batches: the changes of the weights "
                    + $"differ by at most {largest:E1} of their norm.\n"
            );
        }

        if (root.TryGetProperty("absent", out var absent))
            text.Append(absent.GetString()).Append('\n');
        return text.ToString().TrimEnd('\n') + '\n' + Origin(root);
    }

    /// <summary>Steps of UNets beside PyTorch: UNetPeers.json.</summary>
    public static string UNetPeers(string json)
    {
        using var document = JsonDocument.Parse(json);
        JsonElement[] steps = [.. document.RootElement.GetProperty("steps").EnumerateArray()];
        var table = new MarkdownTable(
            "Step",
            "Beside PyTorch",
            "PyTorch / Lur, time",
            "Time in Adam steps",
            "Lur peak MB",
            "PyTorch peak MB",
            "Lur / PyTorch"
        );
        foreach (var row in steps)
        {
            var model = row.GetProperty("model").GetString();
            var (size, batch) = (row.GetProperty("size").GetInt32(), row.GetProperty("batch").GetInt32());
            var adam = steps.Single(s => s.GetProperty("model").GetString() == model && s.GetProperty("step").GetString() == "adam");
            var (milliseconds, peak) = (row.GetProperty("lurMs").GetDouble(), row.GetProperty("lurPeakRssBytes").GetDouble());
            foreach (var peer in row.GetProperty("peers").EnumerateArray())
                table.Add(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{model}, {size} x {size}, batch {batch}, {row.GetProperty("step").GetString()}"
                    ),
                    peer.GetProperty("torch").GetString()!,
                    MarkdownTable.Text(peer.GetProperty("ms").GetDouble() / milliseconds, 2),
                    MarkdownTable.Text(milliseconds / adam.GetProperty("lurMs").GetDouble(), 2),
                    MarkdownTable.Number(row, "lurPeakRssBytes", 0, 1e6),
                    MarkdownTable.Number(peer, "peakRssBytes", 0, 1e6),
                    MarkdownTable.Text(peak / peer.GetProperty("peakRssBytes").GetDouble(), 2)
                );
        }

        return table + Origin(document.RootElement);
    }

    /// <summary>Cost of a launch: Launch.json.</summary>
    public static string Launch(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        return $"A bare launch takes {MarkdownTable.Number(root, "nanoseconds", 0)} ns and allocates "
            + $"{MarkdownTable.Number(root, "allocatedBytes", 0)} B of managed memory.\n{Origin(root)}";
    }

    private static bool IsOurs(JsonElement run) => run.TryGetProperty("ratios", out _);

    private static string CaseOf(JsonElement c, JsonElement row)
    {
        var batch = c.GetProperty("batch").GetInt32();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{c.GetProperty("model").GetString()}, batch "
                + $"{batch}{(row.TryGetProperty("joint", out var joint) && joint.GetBoolean() ? $" + {batch}" : "")}"
        );
    }

    private static IEnumerable<string> Cells(JsonElement c, JsonElement run, string[] peers)
    {
        yield return TitleOf(c, run);
        yield return $"{run.GetProperty("jointSteps").GetInt64()} + {run.GetProperty("plainSteps").GetInt64()}";
        yield return MarkdownTable.Number(run, "epochSeconds", 1);
        yield return MarkdownTable.Number(run, "runSeconds", 1);
        yield return MarkdownTable.Number(run, "deviceMegabytes", 1);
        foreach (var peer in peers)
        {
            var ratio = IsOurs(run)
                ? run.GetProperty("ratios").EnumerateArray().FirstOrDefault(r => r.GetProperty("to").GetString() == peer)
                : default;
            foreach (var name in new[] { "time", "deviceMemory", "hostMemory" })
                yield return ratio.ValueKind == JsonValueKind.Object ? MarkdownTable.Number(ratio, name, 2) : "";
        }
    }

    private static string TitleOf(JsonElement c, JsonElement run)
    {
        var mode = run.TryGetProperty("epochMode", out var value) ? $", --epoch-mode {value.GetString()}" : "";
        return $"{CaseOf(c, c)}, {run.GetProperty("title").GetString()}{mode}";
    }

    private static string Verdict(JsonElement c, JsonElement[] ours)
    {
        bool Below(JsonElement run, string what) =>
            run.GetProperty("ratios").EnumerateArray().All(r => r.GetProperty(what).GetDouble() < 1);
        string List(IEnumerable<JsonElement> runs) =>
            runs.Select(r => $"{r.GetProperty("title").GetString()} ({r.GetProperty("epochMode").GetString()})").ToArray()
                is { Length: > 0 } names
                ? string.Join(", ", names)
                : "none";
        return $"- {CaseOf(c, c)}: below ScissorHands in time with any number of memories shown: "
            + $"{List(ours.Where(r => Below(r, "time")))}; not below: {List(ours.Where(r => !Below(r, "time")))}. "
            + $"In device memory, below: {List(ours.Where(r => Below(r, "deviceMemory")))}; not below: "
            + $"{List(ours.Where(r => !Below(r, "deviceMemory")))}.\n";
    }

    private static string Origin(JsonElement root) =>
        $"\n`{root.GetProperty("command").GetString()}`; {root.GetProperty("machine").GetString()}.\n";
}
