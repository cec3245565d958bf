using System.Globalization;
using System.Text.Json;
using Lur.Bench.Pages;

namespace Lur.Bench;

/// <summary>Steps of diffusion UNets beside PyTorch's: each in a process of its own, taking turns in one run. Milliseconds are medians
/// over all turns, memory the peak resident set of the process.</summary>
internal static class UNetComparison
{
    private const int Turns = 3,
        Repeats = 5;
    private const string Script = "bench/peers/pytorch_unet.py",
        Path = "bench/results/UNetPeers.json";

    private sealed record Case(string Model, string Widths, string Attention, int Layers, int Size, int Batch);

    private static readonly Case[] s_cases =
    [
        new("unet:w32,64:down01:up10:r1:g8", "32,64", "0,1", 1, 16, 32),
        new("unet:w64,128,128:down010:up010:r2:g8", "64,128,128", "0,1,0", 2, 32, 16),
    ];

    private sealed record Side(List<double> Milliseconds)
    {
        public double Peak { get; set; }

        public int Parameters { get; set; }

        public double Median => ChildProcess.Median(Milliseconds);
    }

    /// <summary>Runs the comparison from the repository's root, and writes bench/results/UNetPeers.json.</summary>
    /// <param name="steps">Names of the steps.</param>
    public static int Run(IReadOnlyList<string> steps)
    {
        if (steps.FirstOrDefault(s => !UNetStep.Names.Contains(s)) is { } unknown)
            throw new UserErrorException($"There is no step '{unknown}' here; there are {string.Join(", ", UNetStep.Names)}.");
        var rows = (from c in s_cases from s in steps select (Case: c, Step: s, Ours: new Side([]), Theirs: new Side([]))).ToArray();
        for (var turn = 0; turn < Turns; turn++)
            foreach (var row in rows)
            {
                Console.WriteLine($"// turn {turn + 1} of {Turns}: {row.Case.Model}, {row.Step}");
                var c = row.Case;
                string[] own = ["unet-step", c.Model, Text(c.Size), Text(c.Batch), row.Step, Text(Repeats)];
                Take(row.Ours, Environment.ProcessPath!, ChildProcess.Own(own));
                string[] shape = ["--widths", c.Widths, "--attention", c.Attention, "--layers", Text(c.Layers), "--size", Text(c.Size)];
                string[] run = ["--batch", Text(c.Batch), "--what", row.Step, "--repeats", Text(Repeats)];
                Take(row.Theirs, "/usr/bin/python3", [Script, .. shape, .. run, "--threads", Text(Environment.ProcessorCount)]);
                if (row.Ours.Parameters != row.Theirs.Parameters)
                    throw new InvalidOperationException(
                        $"{c.Model}: {row.Ours.Parameters} parameters here, {row.Theirs.Parameters} there."
                    );
            }

        Directory.CreateDirectory("bench/results");
        using (var file = File.Create(Path))
        using (var w = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            w.WriteString("machine", ChildProcess.Machine);
            w.WriteString("command", "./build.sh --target=Bench --filter=unet-peers");
            w.WriteStartArray("steps");
            foreach (var (c, step, ours, theirs) in rows)
            {
                var (faster, memory) = (theirs.Median / ours.Median, ours.Peak / theirs.Peak);
                Console.WriteLine(
                    FormattableString.Invariant($"{c.Model} b{c.Batch} {step}: {faster:F2} x faster, {memory:F2} of the memory")
                );
                w.WriteStartObject();
                w.WriteString("model", c.Model);
                w.WriteNumber("size", c.Size);
                w.WriteNumber("batch", c.Batch);
                w.WriteString("step", step);
                w.WriteNumber("lurMs", ours.Median);
                w.WriteNumber("torchMs", theirs.Median);
                w.WriteNumber("lurPeakRssBytes", ours.Peak);
                w.WriteNumber("torchPeakRssBytes", theirs.Peak);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        File.AppendAllText(Path, "\n");
        Console.WriteLine($"wrote {Path}");
        if (Directory.Exists("docs"))
            PageBlocks.Rewrite(".");
        return 0;
    }

    private static void Take(Side side, string program, string[] arguments)
    {
        var line =
            ChildProcess.Start(program, arguments)
            ?? throw new InvalidOperationException($"'{program} {string.Join(' ', arguments)}' failed; apt-get install python3-torch?");
        using var result = JsonDocument.Parse(line);
        side.Milliseconds.AddRange(result.RootElement.GetProperty("all_ms").EnumerateArray().Select(e => e.GetDouble()));
        side.Peak = Math.Max(side.Peak, result.RootElement.GetProperty("peak_rss_bytes").GetDouble());
        side.Parameters = result.RootElement.GetProperty("parameters").GetInt32();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
