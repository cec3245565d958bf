using System.Text.Json;
using Lur.Device;
using Lur.Optimizers;
using Lur.Tests.Device;
using Lur.Tests.Golden;
using Lur.Tests.Kernels;

namespace Lur.Tests.Optimizers;

/// <summary>Averaged weights in a captured program against runs of diffusers' EMAModel, and across an interruption.</summary>
public class AveragedWeightsTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.Float64];

    private static IEnumerable<string> Cases
    {
        get
        {
            using var cases = JsonDocument.Parse(Fixture.Open("ema").Metadata["cases"]);
            return [.. cases.RootElement.EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];
        }
    }

    // Each step rounds twice, and at most 7 follow one another; the weights are of size 1: 20 u. The state that a run leaves in its
    // middle goes on to the same bits.
    [Test]
    public void FollowsDiffusersAndResumes([ValueSource(nameof(Cases))] string name, [ValueSource(nameof(Precisions))] Precision precision)
    {
        var fixture = Fixture.Open("ema");
        using var cases = JsonDocument.Parse(fixture.Metadata["cases"]);
        var test = cases.RootElement.EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        double[] decays = [.. test.GetProperty("decays").EnumerateArray().Select(d => d.GetDouble())];
        double[] Both(string what, int step) =>
            [.. fixture.Doubles($"{name}.{what}0.{step}"), .. fixture.Doubles($"{name}.{what}1.{step}")];
        foreach (var device in TestDevices.All)
        {
            var start = precision.Round(Both("w", 0));
            using var scope = new OptimizerScope(device, precision, start, p => new Sgd(p, new(0)), Options(test.GetProperty("config")));
            for (var step = 0; step < decays.Length; step++)
            {
                // Half way another run takes over.
                using var other = new OptimizerScope(
                    device,
                    precision,
                    start,
                    p => new Sgd(p, new(0)),
                    Options(test.GetProperty("config"))
                );
                other.Restore(scope.State());
                foreach (var run in new[] { scope, other })
                {
                    run.Parameters.Set(precision.Round(Both("w", step)));
                    run.Step(new double[start.Length]);
                }

                var state = scope.State();
                Errors.AssertClose(state["average"], Both("ema", step), 20 * precision.Unit(), $"average after step {step + 1}");
                Assert.That(state["average-steps"], Is.EqualTo(new[] { step + 1, decays[step] }).Within(1e-14));
                foreach (var (key, values) in other.State())
                    Errors.AssertSame(values, state[key], key);
            }
        }
    }

    [Test]
    public void GammaStretchesTheWarmUp([Values(0.5, 1, 20)] double gamma)
    {
        foreach (var device in TestDevices.All)
        {
            var options = new AverageOptions(0.9, AverageWarmUp.Power, 0.75, Gamma: gamma);
            using var scope = new OptimizerScope(device, Precision.Float64, [1.0], p => new Sgd(p, new(0)), options);
            for (var u = 0; u < 30; u++)
            {
                scope.Step([0.0]);
                var expected = u == 0 ? 0 : Math.Min(0.9, 1 - Math.Pow(1 + (u / gamma), -0.75));
                Assert.That(scope.State()["average-steps"][1], Is.EqualTo(expected).Within(1e-14), $"after {u} steps");
            }
        }
    }

    private static AverageOptions Options(JsonElement config)
    {
        double Number(string key, double missing) => config.TryGetProperty(key, out var v) ? v.GetDouble() : missing;
        var warm = config.TryGetProperty("use_ema_warmup", out var flag) && flag.GetBoolean();
        return new(
            Number("decay", 0.9999),
            warm ? AverageWarmUp.Power : AverageWarmUp.Ratio,
            Number("power", 2.0 / 3),
            Number("min_decay", 0),
            (int)Number("update_after_step", 0),
            Number("inv_gamma", 1)
        );
    }
}
