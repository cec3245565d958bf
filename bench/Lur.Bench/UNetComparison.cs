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

        public string Version { get; set; } = "";

        public double Median => ChildProcess.Median(Milliseconds);
    }

    private sealed record Row(Case Case, string Step, Side Lur, Side Torch, Side? Libtorch)
    {
        public IEnumerable<Side> Peers => Libtorch is null ? [Torch] : [Torch, Libtorch];
    }

    /// <summary>Runs the comparison from the repository's root, and writes bench/results/UNetPeers.json.</summary>
    /// <param name="steps">Names of the steps.</param>
    public static int Run(IReadOnlyList<string> steps)
    {
        if (steps.FirstOrDefault(s => !UNetStep.Names.Contains(s)) is { } unknown)
            throw new UserErrorException($"There is no step '{unknown}' here; there are {string.Join(", ", UNetStep.Names)}.");
        var newer = LibtorchPeer.Prepare();
        if (newer is null)
            Console.WriteLine("// libtorch is not measured: its program could not be built (packages from NuGet, a C compiler)");
        Row[] rows = [.. from c in s_cases from s in steps select new Row(c, s, new([]), new([]), newer is null ? null : new([]))];
        for (var turn = 0; turn < Turns; turn++)
            foreach (var row in rows)
            {
                Console.WriteLine($"// turn {turn + 1} of {Turns}: {row.Case.Model}, {row.Step}");
                Turn(row, newer);
            }

        Directory.CreateDirectory("bench/results");
        using (var file = File.Create(Path))
            Write(file, rows);
        File.AppendAllText(Path, "\n");
        Console.WriteLine($"wrote {Path}");
        if (Directory.Exists("docs"))
            PageBlocks.Rewrite(".");
        return 0;
    }

    // Each in a process of its own, one after the other.
    private static void Turn(Row row, IReadOnlyDictionary<string, string>? newer)
    {
        var c = row.Case;
        string[] own = ["unet-step", c.Model, Text(c.Size), Text(c.Batch), row.Step, Text(Repeats)];
        Take(row.Lur, Environment.ProcessPath!, ChildProcess.Own(own));
        string[] shape = ["--widths", c.Widths, "--attention", c.Attention, "--layers", Text(c.Layers), "--size", Text(c.Size)];
        string[] run = ["--batch", Text(c.Batch), "--what", row.Step, "--repeats", Text(Repeats)];
        string[] options = [.. shape, .. run, "--threads", Text(Environment.ProcessorCount)];
        Take(row.Torch, "/usr/bin/python3", [Script, .. options]);
        if (row.Libtorch is not null)
            Take(row.Libtorch, LibtorchPeer.Program, options, newer);
        foreach (var peer in row.Peers)
            if (row.Lur.Parameters != peer.Parameters)
                throw new InvalidOperationException($"{c.Model}: {row.Lur.Parameters} parameters here, {peer.Parameters} there.");
    }

    private static void Write(Stream file, Row[] rows)
    {
        using var w = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        w.WriteStartObject();
        w.WriteString("machine", ChildProcess.Machine);
        w.WriteString("command", "./build.sh --target=Bench --filter=unet-peers");
        w.WriteStartArray("steps");
        foreach (var row in rows)
        {
            foreach (var peer in row.Peers)
                Console.WriteLine(
                    FormattableString.Invariant(
                        $"{row.Case.Model} b{row.Case.Batch} {row.Step}: {peer.Median / row.Lur.Median:F2} x faster than {peer.Version}, "
                    ) + FormattableString.Invariant($"{row.Lur.Peak / peer.Peak:F2} of its memory")
                );
            w.WriteStartObject();
            w.WriteString("model", row.Case.Model);
            w.WriteNumber("size", row.Case.Size);
            w.WriteNumber("batch", row.Case.Batch);
            w.WriteString("step", row.Step);
            w.WriteNumber("lurMs", row.Lur.Median);
            w.WriteNumber("lurPeakRssBytes", row.Lur.Peak);
            w.WriteStartArray("peers");
            foreach (var peer in row.Peers)
            {
                w.WriteStartObject();
                w.WriteString("torch", peer.Version);
                w.WriteNumber("ms", peer.Median);
                w.WriteNumber("peakRssBytes", peer.Peak);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void Take(Side side, string program, string[] arguments, IReadOnlyDictionary<string, string>? variables = null)
    {
        var line =
            ChildProcess.Start(program, arguments, variables)
            ?? throw new InvalidOperationException($"'{program} {string.Join(' ', arguments)}' failed; apt-get install python3-torch?");
        using var result = JsonDocument.Parse(line);
        side.Milliseconds.AddRange(result.RootElement.GetProperty("all_ms").EnumerateArray().Select(e => e.GetDouble()));
        side.Peak = Math.Max(side.Peak, result.RootElement.GetProperty("peak_rss_bytes").GetDouble());
        side.Version = result.RootElement.TryGetProperty("torch", out var version) ? version.GetString()! : "";
        side.Parameters = result.RootElement.GetProperty("parameters").GetInt32();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
