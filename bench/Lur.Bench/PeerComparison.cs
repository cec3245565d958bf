using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lur.Unlearning;

namespace Lur.Bench;

/// <summary>Lur and PyTorch side by side: the same steps, each in a process of its own, taking turns in one run. Milliseconds
/// are medians over all turns; memory is the peak resident set of the process, and for Lur what the plan takes on the device.</summary>
internal static class PeerComparison
{
    private const int Turns = 3, Repeats = 5;
    private const string Peer = "bench/peers/pytorch_steps.py";
    private static readonly (string Model, int Width, int Batch)[] s_cases = [("resnet18:w16", 16, 64), ("resnet18:w64", 64, 32)];

    /// <summary>Runs the comparison from the repository's root, prints a table and writes bench/results/Peers.json.</summary>
    public static int Run(IReadOnlyList<string> what)
    {
        var python = Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } own ? own : File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
        using var stream = new MemoryStream();
        using var w = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        w.WriteStartObject();
        w.WriteString("machine", $"{Environment.ProcessorCount} threads, {System.Runtime.InteropServices.RuntimeInformation.OSDescription}");
        w.WriteString("command", "./build.sh --target=Bench --filter=peers");
        w.WriteStartArray("steps");
        var table = new System.Text.StringBuilder();
        void Line(string text)
        {
            Console.WriteLine(text);
            table.Append(text).Append('\n');
        }

        Line("| Step | Lur ms | PyTorch ms | PyTorch / Lur | Lur peak MB | PyTorch peak MB | Lur / PyTorch |\n|---|---:|---:|---:|---:|---:|---:|");
        string? absent = null;
        foreach (var (model, width, batch) in s_cases)
        {
            foreach (var step in what)
            {
                List<double> ours = [], theirs = [];
                double ourPeak = 0, theirPeak = 0, device = 0;
                for (var turn = 0; turn < Turns; turn++)
                {
                    using (var turnResult = JsonDocument.Parse(Start(Environment.ProcessPath!, Arguments(model, batch, step))
                        ?? throw new InvalidOperationException("The child process of the comparison failed.")))
                    {
                        ours.AddRange(turnResult.RootElement.GetProperty("ms").EnumerateArray().Select(e => e.GetDouble()));
                        ourPeak = Math.Max(ourPeak, turnResult.RootElement.GetProperty("peak_rss_bytes").GetDouble());
                        device = turnResult.RootElement.GetProperty("device_bytes").GetDouble();
                    }

                    if (absent is not null) continue;
                    var text = Start(python, [Peer, "--width", $"{width}", "--batch", $"{batch}", "--what", step, "--repeats", $"{Repeats}", "--threads", $"{Environment.ProcessorCount}"]);
                    if (text is null)
                    {
                        absent = $"PyTorch was not run: '{python} {Peer}' failed (apt-get install python3-torch, or name an interpreter with PYTHON).";
                        continue;
                    }

                    using var peer = JsonDocument.Parse(text);
                    theirs.AddRange(peer.RootElement.GetProperty(step).GetProperty("all_ms").EnumerateArray().Select(e => e.GetDouble()));
                    theirPeak = Math.Max(theirPeak, peer.RootElement.GetProperty("peak_rss_bytes").GetDouble());
                }

                var (lur, torch) = (Median(ours), theirs.Count == 0 ? double.NaN : Median(theirs));
                Line(string.Create(CultureInfo.InvariantCulture,
                    $"| {model}, batch {batch}{(step == "lur" ? $" + {batch}, exact LUR" : ", SGD")} | {lur:F0} | {torch:F0} | {torch / lur:F2} | {ourPeak / 1e6:F0} | {theirPeak / 1e6:F0} | {ourPeak / theirPeak:F2} |"));
                w.WriteStartObject();
                w.WriteString("model", model);
                w.WriteNumber("batch", batch);
                w.WriteString("step", step);
                w.WriteNumber("lurMs", lur);
                w.WriteNumber("lurPeakRssBytes", ourPeak);
                w.WriteNumber("lurDeviceBytes", device);
                if (theirs.Count > 0)
                {
                    w.WriteNumber("pytorchMs", torch);
                    w.WriteNumber("pytorchPeakRssBytes", theirPeak);
                    w.WriteNumber("speedup", torch / lur);
                    w.WriteNumber("memoryRatio", ourPeak / theirPeak);
                }

                w.WriteEndObject();
            }
        }

        w.WriteEndArray();
        if (absent is not null) w.WriteString("absent", absent);
        w.WriteEndObject();
        w.Flush();
        Directory.CreateDirectory("bench/results");
        stream.WriteByte((byte)'\n');
        File.WriteAllBytes("bench/results/Peers.json", stream.ToArray());
        if (absent is not null) Console.WriteLine(absent);
        File.WriteAllText("bench/results/Peers.md", table.ToString());
        Console.WriteLine("wrote bench/results/Peers.json and Peers.md");
        return 0;
    }

    /// <summary>The child: times one kind of step and prints one line of JSON.</summary>
    public static int Child(string model, int batch, string step)
    {
        var benchmark = new StepBenchmarks { Case = FormattableString.Invariant($"{model} {batch}") };
        if (step == "lur") benchmark.SetupExact();
        else benchmark.SetupSgd();
        var ms = new double[Repeats];
        for (var i = -1; i < Repeats; i++)
        {
            var start = Stopwatch.GetTimestamp();
            StepTelemetry telemetry = benchmark.LurExact();
            if (telemetry.Skipped) throw new InvalidOperationException("The step to be timed was skipped.");
            if (i >= 0) ms[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        var device = benchmark.DeviceBytes;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{{\"ms\": [{string.Join(", ", ms.Select(x => x.ToString("F3", CultureInfo.InvariantCulture)))}], \"peak_rss_bytes\": {Process.GetCurrentProcess().PeakWorkingSet64}, \"device_bytes\": {device}}}"));
        benchmark.Cleanup();
        return 0;
    }

    private static string[] Arguments(string model, int batch, string step)
    {
        string[] own = ["peer-step", model, batch.ToString(CultureInfo.InvariantCulture), step];
        // Under `dotnet Lur.Bench.dll` the process is dotnet itself.
        return Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(PeerComparison).Assembly.Location, .. own] : own;
    }

    /// <summary>Last line a program prints, or null when it fails.</summary>
    private static string? Start(string program, string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output.Trim().Split('\n')[^1] : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
