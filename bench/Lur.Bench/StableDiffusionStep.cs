using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Precision = Lur.Device.Precision;

namespace Lur.Bench;

/// <summary>One exact LUR step on a part of the UNet of Stable Diffusion 1.x, at its full size and with drawn weights: what is planned, and
/// what was taken.</summary>
internal static class StableDiffusionStep
{
    private const int Side = 64,
        Rows = 77;

    private const string Config = """
        { "_class_name": "UNet2DConditionModel", "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8 }
        """;

    /// <summary>Plans, and makes the step where that is asked for.</summary>
    /// <param name="part">What is trained, e.g. <c>xattn</c>.</param>
    /// <param name="batch">Latents of a batch.</param>
    /// <param name="more"><c>plan</c> to plan alone, <c>float16</c> for weights of two bytes where they are not trained.</param>
    public static int Run(string part, int batch, string[] more)
    {
        var spec = UNetConfig.Read("config.json", Encoding.UTF8.GetBytes(Config)) with { ContextLength = Rows };
        using var device = ComputeDevice.Open();
        var parts = part.Split(',');
        double[] half = [.. Enumerable.Repeat(0.5, spec.Input.Channels)];
        var network = spec.Build();
        if (!UNetPart.IsAll(parts))
            network.TrainOnly(name => UNetPart.Holds(parts, name));
        using var model = new Model(
            device,
            Precision.Float32,
            spec,
            network,
            [],
            new InputNormalization(half, half),
            packing: more.Contains("float16") ? Packing.Float16 : Packing.None
        );
        using var momentum = new FlatVector(device, Precision.Float32, model.Parameters.Layout, "momentum");
        using var optimizer = Sgd.On(momentum, new SgdOptions(1e-5, 0.9, 0));
        using var step = new Step(model, optimizer, new StepOptions { Name = "stable diffusion" });
        (step.Parameters.ForgetWeight, step.Parameters.Alpha) = (0.5, 1e-3);
        NoisyTensors retain = new(step.Program, "retain", batch, spec),
            forget = new(step.Program, "forget", batch, spec);
        LossTerm Term(string name, TermRole role, NoisyTensors rows) =>
            new(name, role, rows, NormalizationMode.Frozen, DiffusionTask.Squared(1));
        var g = step.Gradient(model.Parameters, Term("retain", TermRole.Retain, retain));
        var v = step.Gradient(step.LookAhead(g), Term("forget", TermRole.Forget, forget));
        step.Update(step.Bilevel(g, v, step.Product(g, v, HessianVectorProduct.Exact)), new UpdateRule { LargestNorm = 1 });
        var plan = step.Program.Plan();
        Say($"{model.Network.WeightCount:N0} weights, {model.Parameters.Count:N0} of them trained ({part}), batch {batch}");
        // Parameters, gradient, look-ahead, forget gradient, product and momentum.
        var vectors = 6 * model.Parameters.Bytes;
        var (frozen, all) = (model.Frozen.Bytes, plan.ArenaBytes + model.Frozen.Bytes + vectors);
        Say($"planned: {Gib(plan.ArenaBytes)} for the step, {Gib(frozen)} frozen, {Gib(vectors)} of vectors; {Gib(all)} in all");
        if (more.Contains("plan"))
            return 0;
        model.Initialize(1, WeightInitialization.TorchDefault);
        var random = new RandomStream(1, "bench/stable-diffusion");
        Fill(retain, spec, batch, random);
        Fill(forget, spec, batch, random);
        var start = Stopwatch.GetTimestamp();
        var telemetry = step.Run(0, 1);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Say($"one step in {seconds:F1} s: retain loss {telemetry.RetainLoss:G6}, forget loss {telemetry.ForgetLoss:G6}");
        Say($"taken: {Gib(device.PeakBytes)} on the device, {Gib(Process.GetCurrentProcess().PeakWorkingSet64)} peak of the process");
        return telemetry.Skipped ? 1 : 0;
    }

    private static void Fill(NoisyTensors batch, UNetSpec spec, int rows, RandomStream random)
    {
        double[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ => (double)random.Normal())];
        var latents = rows * Side * Side * spec.Input.Channels;
        batch.SetContext(Normal(rows * Rows * spec.ContextWidth));
        batch.Set(Normal(latents), [.. Enumerable.Range(0, rows).Select(i => 500 + i)], [], Normal(latents));
    }

    private static string Gib(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:F2} GiB");

    private static void Say(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
