using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Reports;
using Lur.Data;

namespace Lur.Bench;

/// <summary>Puts the rows of <see cref="MethodBenchmarks"/> together to epochs and whole runs, and writes Methods.json.</summary>
internal static class MethodFigures
{
    /// <summary>The sets of the recipes' CIFAR-10 subset with a random tenth forgotten.</summary>
    private const int Retain = 9000,
        Forget = 1000;

    /// <summary>Epochs of a run: those of the recipes.</summary>
    private const int Epochs = 3;

    private static readonly string[] s_lur = ["lur", "lur-fd", "lur-none"],
        s_scissorHands = ["scissorhands-1", "scissorhands-5"];
    private static readonly string[] s_epochModes = ["min", "retain-tail", "retain-cycle"];

    /// <summary>A run: what it is made of.</summary>
    private sealed record RunFigures(
        StepVariant Variant,
        string? EpochMode,
        long Joint,
        long Plain,
        double EpochSeconds,
        double RunSeconds,
        double DeviceMegabytes,
        double HostMegabytes
    );

    /// <summary>Writes the figures; a case with a row that failed or was not run is left out.</summary>
    public static void Write(Summary summary, string path)
    {
        using var stream = new MemoryStream();
        using (
            var w = new Utf8JsonWriter(
                stream,
                new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }
            )
        )
        {
            w.WriteStartObject();
            w.WriteString("machine", $"{summary.HostEnvironmentInfo.Cpu.Value?.ProcessorName?.Trim()}, {ChildProcess.Machine}");
            w.WriteString("command", "./build.sh --target=Bench --filter='*MethodBenchmarks*'");
            w.WriteNumber("retainImages", Retain);
            w.WriteNumber("forgetImages", Forget);
            w.WriteNumber("epochs", Epochs);
            w.WriteStartArray("cases");
            foreach (var (model, _, batch) in StepVariant.Cases)
            {
                var medians = Medians(summary, MethodBenchmarks.CaseOf(model, batch));
                if (StepVariant.All.All(v => medians.ContainsKey(v.Name)))
                    WriteCase(w, model, batch, medians);
                else
                    Console.WriteLine($"{MethodBenchmarks.CaseOf(model, batch)} is left out of {path}: not every row of it was run.");
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        File.WriteAllBytes(path, stream.ToArray());
        Console.WriteLine($"wrote {path}");
    }

    private static Dictionary<string, double> Medians(Summary summary, string @case)
    {
        var medians = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (
            var report in summary.Reports.Where(r =>
                r.Success && r.ResultStatistics is not null && (string)r.BenchmarkCase.Parameters[nameof(MethodBenchmarks.Case)] == @case
            )
        )
        {
            var title = (string)report.BenchmarkCase.Parameters[nameof(MethodBenchmarks.Variant)];
            medians[StepVariant.All.First(v => v.Title == title).Name] = report.ResultStatistics!.Median / 1e6;
        }

        return medians;
    }

    private static void WriteCase(Utf8JsonWriter w, string model, int batch, Dictionary<string, double> medians)
    {
        var @case = MethodBenchmarks.CaseOf(model, batch);
        w.WriteStartObject();
        w.WriteString("model", model);
        w.WriteNumber("batch", batch);
        w.WriteStartArray("rows");
        foreach (var variant in StepVariant.All)
        {
            w.WriteStartObject();
            w.WriteString("name", variant.Name);
            w.WriteString("title", variant.Title);
            w.WriteBoolean("joint", variant.IsJoint);
            w.WriteNumber("medianMs", medians[variant.Name]);
            Number(
                w,
                "allocatedBytes",
                Allocations.Of(Allocations.KeyOf(nameof(MethodBenchmarks), nameof(MethodBenchmarks.Step), @case, variant.Title))
            );
            var (device, host) = MethodBenchmarks.Memory(@case, variant.Title);
            Number(w, "deviceMegabytes", device);
            Number(w, "hostMegabytes", host);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteStartArray("runs");
        RunFigures[] peers = [.. s_scissorHands.Select(name => Run(model, batch, StepVariant.Find(name), null, medians))];
        RunFigures[] ours =
        [
            .. from name in s_lur from mode in s_epochModes select Run(model, batch, StepVariant.Find(name), mode, medians),
        ];
        foreach (var run in peers.Concat(ours))
            WriteRun(w, run, peers);
        w.WriteEndArray();
        w.WriteEndObject();
    }

    /// <summary>A run of <see cref="Epochs"/> epochs from the medians of its parts. The method is bound to sets of the real size,
    /// so that the number of its steps and what it takes on the device are its own.</summary>
    private static RunFigures Run(string model, int batch, StepVariant variant, string? mode, Dictionary<string, double> medians)
    {
        List<(string, string)> options =
        [
            ("batch", batch.ToString(CultureInfo.InvariantCulture)),
            ("epochs", Epochs.ToString(CultureInfo.InvariantCulture)),
        ];
        if (mode is not null)
            options.Add(("epoch-mode", mode));
        using var bound = new TimedMethod(model, batch, variant, (Retain, Forget), options);
        long steps = bound.Method.StepsPerEpoch,
            forget = new BatchSampler(bound.Set.Forget, batch, TimedMethod.Seed).BatchesPerEpoch;
        var joint = mode == "retain-cycle" ? steps : Math.Min(steps, forget);
        // Both methods' plain steps do the work of FT: one figure for all, so that noise between rows favours none.
        var plain = Math.Min(medians["lur-plain"], medians["sgd"]);
        // The first step of an epoch of ScissorHands renews the memories; its row has that and the step.
        var renewal = mode is null ? medians[variant.Name + "-first"] - medians[variant.Name] : 0;
        var epoch = ((joint * medians[variant.Name]) + ((steps - joint) * plain) + renewal) / 1e3;
        var (_, host) = MethodBenchmarks.Memory(MethodBenchmarks.CaseOf(model, batch), variant.Title);
        return new RunFigures(
            variant,
            mode,
            joint,
            steps - joint,
            epoch,
            (medians["trim"] / 1e3) + (Epochs * epoch),
            bound.DeviceBytes / 1e6,
            host
        );
    }

    private static void WriteRun(Utf8JsonWriter w, RunFigures run, RunFigures[] peers)
    {
        w.WriteStartObject();
        w.WriteString("title", run.Variant.Title);
        if (run.EpochMode is not null)
            w.WriteString("epochMode", run.EpochMode);
        w.WriteNumber("jointSteps", run.Joint);
        w.WriteNumber("plainSteps", run.Plain);
        w.WriteNumber("epochSeconds", run.EpochSeconds);
        w.WriteNumber("runSeconds", run.RunSeconds);
        w.WriteNumber("deviceMegabytes", run.DeviceMegabytes);
        if (run.EpochMode is not null)
        {
            w.WriteStartArray("ratios");
            foreach (var peer in peers)
            {
                w.WriteStartObject();
                w.WriteString("to", peer.Variant.Title);
                w.WriteNumber("time", run.RunSeconds / peer.RunSeconds);
                w.WriteNumber("deviceMemory", run.DeviceMegabytes / peer.DeviceMegabytes);
                Number(w, "hostMemory", run.HostMegabytes / peer.HostMegabytes);
                w.WriteEndObject();
            }

            w.WriteEndArray();
        }

        w.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter w, string name, double value)
    {
        if (double.IsFinite(value))
            w.WriteNumber(name, value);
        else
            w.WriteNull(name);
    }
}
