using System.Text.Json;
using Lur.Device;
using Lur.Layers;
using Lur.Tests.Device;
using Lur.Tests.Kernels;
using Lur.Tests.Reference;

namespace Lur.Tests.Golden;

/// <summary>The four passes of attention against the published code's, in float64.</summary>
public class AttentionFixtureTests
{
    // The same sums of some ten terms of order 1 in another order: some hundred u.
    private const double Tolerance = 1e-12;

    [TestCase("attention_self", 2)]
    [TestCase("attention_cross", 2)]
    [TestCase("attention_causal", 2)]
    [TestCase("attention_one_head", 1)]
    public void AllPasses(string name, int heads)
    {
        var fixture = Fixture.Open("ops");
        using var options = JsonDocument.Parse(fixture.Metadata["ops"]);
        Assert.That(options.RootElement.GetProperty(name).GetProperty("heads").GetInt32(), Is.EqualTo(heads));
        var causal = options.RootElement.GetProperty(name).TryGetProperty("causal", out var masked) && masked.GetBoolean();
        double[] Of(string tensor) => fixture.Doubles($"{name}.{tensor}");
        Triple All(string suffix) => new(Of("q" + suffix), Of("k" + suffix), Of("v" + suffix));
        int[] q = fixture.Shape($"{name}.q"),
            k = fixture.Shape($"{name}.k");
        var shape = new AttentionShape(q[0], q[1], k[1], q[2], heads);
        foreach (var test in TestDevices.All)
        foreach (var elements in new[] { 0, 2 * shape.M })
        {
            using var bench = new AttentionBench(test, Precision.Float64, shape, All(""), elements, causal);
            var (t, dy, tdy) = (All(".t"), Of("y.d"), Of("y.td"));
            double[]?[] tangents = [t.Q, t.K, t.V];
            Errors.AssertClose(bench.Forward().O, Of("y"), Tolerance, "y");
            Errors.AssertClose(bench.ForwardTangent(tangents), Of("y.t"), Tolerance, "y.t");
            AssertClose(bench.Backward(dy), All(".d"), "d");
            AssertClose(bench.BackwardTangent(tangents, dy, tdy), All(".td"), "td");
        }
    }

    private static void AssertClose(Triple actual, Triple expected, string what)
    {
        Errors.AssertClose(actual.Q, expected.Q, Tolerance, "q." + what);
        Errors.AssertClose(actual.K, expected.K, Tolerance, "k." + what);
        Errors.AssertClose(actual.V, expected.V, Tolerance, "v." + what);
    }
}
