using System.Globalization;
using System.Text.Json;
using Lur.Device;
using Lur.Programs;
using Lur.Runs;

namespace Lur.Bench.Gpu;

/// <summary>The time of each kernel of an exact LUR step beside what the roofline predicts for it and what the trace on the host driver
/// counted, and the bandwidth it reaches; flat-vector kernels beside a copy.</summary>
internal static class KernelTimes
{
    private const int Repeats = 8;

    private static (string Model, int Batch)[] Cases(bool tiny) =>
        tiny ? [("resnet[1,1,1]:w8", 8)] : [("resnet18:w64", 128), ("unet:c64:m1,2,2:attn16:r2", 32)];

    /// <summary>Counts, for the steps that <see cref="Run"/> times; a warp does not see how many images there are, so that a few
    /// do.</summary>
    public static int Trace(string path, bool tiny)
    {
        using var device = KernelTrace.OpenDevice();
        var traces = Cases(tiny).SelectMany(c => TraceRun.Step(device, c.Model, tiny ? 2 : 8)).GroupBy(t => t.Kernel);
        new RowFile(path, "lur-gpu-trace-1").Write(
            _ => { },
            (
                "kernels",
                traces
                    .OrderBy(g => g.Key, StringComparer.Ordinal)
                    .Select(g => KernelTrace.Sum([.. g]))
                    .Select<KernelTrace, Action<Utf8JsonWriter>>(t =>
                        w =>
                        {
                            w.WriteString("kernel", t.Kernel);
                            RowFile.Number(w, "loadSectors", t.Loads.Ratio);
                            RowFile.Number(w, "storeSectors", t.Stores.Ratio);
                            w.WriteNumber("bankConflict", t.WorstConflict);
                            RowFile.Number(w, "activeLanes", t.ActiveShare);
                            RowFile.Number(w, "bytesRatio", t.BytesRatio);
                        }
                    )
            )
        );
        return 0;
    }

    /// <summary>Times.</summary>
    /// <param name="path">File to write.</param>
    /// <param name="trace">What <see cref="Trace"/> wrote, or null.</param>
    /// <param name="tiny">The smallest sizes.</param>
    public static int Run(string path, string? trace, bool tiny)
    {
        var counted = trace is null ? [] : Counted(trace);
        var (file, vectors, kernels) = (new RowFile(path, "lur-gpu-kernels-1"), new List<VectorTime>(), new List<Action<Utf8JsonWriter>>());
        using var device = ComputeDevice.Open();
        // Predictions for a GPU whose data sheet is known; the rehearsal takes one to have something to divide by.
        var model = DeviceModel.All.FirstOrDefault(m => tiny || device.Properties.Name.Contains(m.Key, StringComparison.OrdinalIgnoreCase));
        void Write() =>
            file.Write(
                w => w.WriteString("predictedFor", model?.Name),
                ("vectors", vectors.Select<VectorTime, Action<Utf8JsonWriter>>(v => w => WriteVector(w, v, vectors[0]))),
                ("kernels", kernels)
            );
        using (var times = new VectorTimes(device, tiny ? 100_003 : 1 << 26))
            foreach (var v in times.Run())
            {
                vectors.Add(v);
                Console.WriteLine(Describe(v.Name, v.Bytes, v.Seconds));
                Write();
            }

        foreach (var (name, batch) in Cases(tiny))
        {
            foreach (var row in Rows(device, name, batch, model, counted))
                kernels.Add(row);
            Write();
        }

        return 0;
    }

    private static IEnumerable<Action<Utf8JsonWriter>> Rows(
        ComputeDevice device,
        string name,
        int batch,
        DeviceModel? model,
        Dictionary<string, double> counted
    )
    {
        var nodes = TraceRun.Times(device, name, batch, Repeats);
        var predicted = model is null
            ? null
            : StepPrediction.Of(
                [.. nodes.Select(n => n.Node)],
                model,
                KernelOccupancies.Budget(nodes.Select(n => n.Node.Name).Distinct(), model, Precision.Float32),
                ""
            );
        var groups = nodes
            .Select((n, i) => (n.Node, n.Seconds, Predicted: predicted?.Nodes[i].Seconds))
            .GroupBy(n => n.Node.Name)
            .OrderByDescending(g => g.Sum(n => n.Seconds))
            .ToArray();
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name} b{batch}: {nodes.Count} nodes, {1e3 * nodes.Sum(n => n.Seconds):F2} ms, "
                    + $"predicted {1e3 * predicted?.Seconds ?? double.NaN:F2} ms"
            )
        );
        foreach (var g in groups)
        {
            var (bytes, seconds, operations) = (
                g.Sum(n => n.Node.Bytes),
                g.Sum(n => n.Seconds),
                g.Where(n => n.Node.Product.Batch > 0).Sum(n => n.Node.Operations)
            );
            Console.WriteLine("  " + Describe(g.Key, bytes, seconds));
            yield return w =>
            {
                w.WriteString("model", name);
                w.WriteNumber("batch", batch);
                w.WriteString("kernel", g.Key);
                w.WriteNumber("nodes", g.Count());
                w.WriteNumber("bytes", bytes);
                RowFile.Number(w, "microseconds", 1e6 * seconds);
                RowFile.Number(w, "predictedMicroseconds", 1e6 * g.Sum(n => n.Predicted));
                RowFile.Number(w, "gigabytesPerSecond", bytes / 1e9 / seconds);
                if (operations > 0)
                    RowFile.Number(w, "teraoperationsPerSecond", operations / 1e12 / seconds);
                if (counted.TryGetValue(g.Key, out var ratio))
                    RowFile.Number(w, "tracedBytesRatio", ratio);
            };
        }
    }

    private static void WriteVector(Utf8JsonWriter w, VectorTime v, VectorTime copy)
    {
        w.WriteString("kernel", v.Name);
        w.WriteNumber("bytes", v.Bytes);
        RowFile.Number(w, "microseconds", 1e6 * v.Seconds);
        RowFile.Number(w, "gigabytesPerSecond", v.Bytes / 1e9 / v.Seconds);
        RowFile.Number(w, "shareOfCopy", v.Bytes / v.Seconds / (copy.Bytes / copy.Seconds));
    }

    private static Dictionary<string, double> Counted(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document
            .RootElement.GetProperty("kernels")
            .EnumerateArray()
            .Where(k => k.TryGetProperty("bytesRatio", out _))
            .ToDictionary(k => k.GetProperty("kernel").GetString()!, k => k.GetProperty("bytesRatio").GetDouble(), StringComparer.Ordinal);
    }

    private static string Describe(string name, long bytes, double seconds) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}: {1e6 * seconds:F1} us, {bytes / 1e9 / seconds:F0} GB/s");
}
