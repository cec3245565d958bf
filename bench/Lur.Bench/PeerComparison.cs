using System.Text.Json;
using Lur.Bench.Pages;

namespace Lur.Bench;

/// <summary>Lur and PyTorch side by side: the same steps, each in a process of its own, taking turns in one run. Milliseconds
/// are medians over all turns; memory is the peak resident set of the process, and for Lur what the step takes on the device.</summary>
internal sealed class PeerComparison
{
    private const int Turns = 3,
        Repeats = 5;
    private const string Script = "bench/peers/pytorch_steps.py",
        Path = "bench/results/Peers.json";

    private readonly string _python =
        Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } own ? own
        : File.Exists("/usr/bin/python3") ? "/usr/bin/python3"
        : "python3";
    private string? _absent;

    private sealed record Row(string Model, int Width, int Batch, StepVariant Variant)
    {
        public List<double> Ours { get; } = [];

        public List<double> Theirs { get; } = [];

        public double OurPeak { get; set; }

        public double TheirPeak { get; set; }

        public double Device { get; set; }
    }

    /// <summary>Runs the comparison from the repository's root, and writes bench/results/Peers.json, Peers.md and the
    /// pages made of them.</summary>
    /// <param name="steps">Names of the steps.</param>
    /// <param name="models">Models, of those in <see cref="StepVariant.Cases"/>; none is all.</param>
    public static int Run(IReadOnlyList<string> steps, params string[] models)
    {
        foreach (var unknown in steps.Where(s => !StepVariant.WithPeer.Contains(s)))
            throw new UserErrorException($"PyTorch has no step '{unknown}' here; it has {string.Join(", ", StepVariant.WithPeer)}.");
        new PeerComparison().Compare(steps, [.. StepVariant.Cases.Where(c => models.Length == 0 || models.Contains(c.Model))]);
        return 0;
    }

    private void Compare(IReadOnlyList<string> steps, (string Model, int Width, int Batch)[] cases)
    {
        var check = PeerCheck.Run(_python, Script, steps);
        if (check is null)
            _absent =
                $"PyTorch was not run: '{_python} {Script}' failed (apt-get install python3-torch, or name an interpreter with PYTHON).";
        Row[] rows = [.. from c in cases from s in steps select new Row(c.Model, c.Width, c.Batch, StepVariant.Find(s))];
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var row in rows)
            {
                Console.WriteLine($"// turn {turn + 1} of {Turns}: {row.Model}, {row.Variant.Title}");
                Take(row);
            }
        }

        Directory.CreateDirectory("bench/results");
        File.WriteAllBytes(Path, Json(rows, check));
        File.WriteAllText("bench/results/Peers.md", BenchTables.Peers(File.ReadAllText(Path)));
        Console.Write(File.ReadAllText("bench/results/Peers.md"));
        Console.WriteLine("wrote bench/results/Peers.json and Peers.md");
        if (File.Exists(PageBlocks.Pages[0]))
            PageBlocks.Rewrite(".");
    }

    private void Take(Row row)
    {
        var ours = ChildProcess.Time(row.Model, row.Batch, row.Variant, Repeats);
        row.Ours.AddRange(ours.Milliseconds);
        (row.OurPeak, row.Device) = (Math.Max(row.OurPeak, ours.PeakBytes), ours.DeviceBytes);
        if (_absent is not null)
            return;
        var text =
            ChildProcess.Start(
                _python,
                [
                    Script,
                    "--width",
                    $"{row.Width}",
                    "--batch",
                    $"{row.Batch}",
                    "--what",
                    row.Variant.Name,
                    "--repeats",
                    $"{Repeats}",
                    "--threads",
                    $"{Environment.ProcessorCount}",
                ]
            ) ?? throw new InvalidOperationException($"'{_python} {Script}' failed on {row.Variant.Name}; what it printed is above.");
        using var peer = JsonDocument.Parse(text);
        row.Theirs.AddRange(
            peer.RootElement.GetProperty(row.Variant.Name).GetProperty("all_ms").EnumerateArray().Select(e => e.GetDouble())
        );
        row.TheirPeak = Math.Max(row.TheirPeak, peer.RootElement.GetProperty("peak_rss_bytes").GetDouble());
    }

    private byte[] Json(Row[] rows, JsonElement? check)
    {
        using var stream = new MemoryStream();
        using (var w = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            w.WriteString("machine", ChildProcess.Machine);
            w.WriteString("command", "./build.sh --target=Bench --filter=peers");
            if (check is { } found)
            {
                w.WritePropertyName("check");
                found.WriteTo(w);
            }

            w.WriteStartArray("steps");
            foreach (var row in rows)
                Write(w, row);
            w.WriteEndArray();
            if (_absent is not null)
                w.WriteString("absent", _absent);
            w.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void Write(Utf8JsonWriter w, Row row)
    {
        var lur = ChildProcess.Median(row.Ours);
        w.WriteStartObject();
        w.WriteString("model", row.Model);
        w.WriteNumber("batch", row.Batch);
        w.WriteString("step", row.Variant.Name);
        w.WriteString("title", row.Variant.Title);
        w.WriteBoolean("joint", row.Variant.IsJoint);
        w.WriteNumber("lurMs", lur);
        w.WriteNumber("lurPeakRssBytes", row.OurPeak);
        w.WriteNumber("lurDeviceBytes", row.Device);
        if (row.Theirs.Count > 0)
        {
            var torch = ChildProcess.Median(row.Theirs);
            w.WriteNumber("pytorchMs", torch);
            w.WriteNumber("pytorchPeakRssBytes", row.TheirPeak);
            w.WriteNumber("speedup", torch / lur);
            w.WriteNumber("memoryRatio", row.OurPeak / row.TheirPeak);
        }

        w.WriteEndObject();
    }
}
