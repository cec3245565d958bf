using Lur.Device;
using Lur.Models;
using Lur.Tests.Device;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>A UNet that trains its attentions alone, by a rule of its network, against one that trains them by a mask over vectors of all
/// weights: the same steps of the same methods.</summary>
public class TrainedPartTests
{
    private const string Text = "unet:c4:m1,2:r1:g2:attn4:k3:drop0.2";

    private static bool IsTrained(string name) => UNetPart.Holds(["attention"], name);

    private static DiffusionScope Open(bool ruled, Precision precision = Precision.Float64) =>
        new(precision, Text, trained: ruled ? IsTrained : null);

    private static string[] Options(string method, params string[] more) =>
        [.. DiffusionScope.Short(method), "train", "attention", .. more];

    // Of all weights of the masked model, those that lie in a layout of the ruled one.
    private static double[] Of(Model masked, double[] all, Lur.Tensors.ParameterLayout layout) =>
        [.. layout.Slots.Select(s => masked.Parameters.Layout[s.Name]).SelectMany(s => all[s.Offset..s.End])];

    /// <summary>Three steps in float64. Each differs in the order of sums over at most some hundred terms, and in norms that nothing
    /// but reports reads; Adam divides by roots of squares of the gradient, the least of which lose half their digits: 1e-9.</summary>
    [TestCase("lur", "hvp", "exact")]
    [TestCase("lur", "hvp", "fd")]
    [TestCase("lur", "hvp", "none")]
    [TestCase("lur", "forget-loss", "reassign")]
    [TestCase("lur", "optimizer", "adam")]
    [TestCase("ft")]
    [TestCase("neggrad")]
    [TestCase("ga")]
    [TestCase("rl")]
    [TestCase("l1-sparse")]
    [TestCase("esd")]
    public void TheRuleGivesTheStepsOfTheMask(string method, params string[] more)
    {
        using var masked = Open(ruled: false);
        using var ruled = Open(ruled: true);
        var layout = ruled.Model.Parameters.Layout;
        var frozen = ruled.Model.Frozen.ToArray();
        Assert.That(ruled.Start, Is.EqualTo(Of(masked.Model, masked.Start, layout)), "a tensor's draw is its own");
        var expected = masked.Run(method, Options(method, more));
        var actual = ruled.Run(method, Options(method, more));
        var moved = Of(masked.Model, masked.Model.Parameters.ToArray(), layout);
        Assert.That(moved, Is.Not.EqualTo(ruled.Start), "something is trained");
        Errors.AssertClose(ruled.Model.Parameters.ToArray(), moved, 1e-9, "weights");
        Errors.AssertSame(ruled.Model.Frozen.ToArray(), frozen, "frozen weights");
        Assert.That(actual, Has.Count.EqualTo(expected.Count));
    }

    /// <summary>Vectors are as long as the part: gradients, look-ahead weights and product of a step, and the optimiser's state. Nothing
    /// else grew, and activations are fewer.</summary>
    [Test]
    public void VectorsAreAsLongAsThePart()
    {
        using var masked = Open(ruled: false);
        using var ruled = Open(ruled: true);
        using var expected = masked.Create("lur", Options("lur", "hvp", "exact"));
        using var actual = ruled.Create("lur", Options("lur", "hvp", "exact"));
        (long Bytes, int Buffers) Of(UnlearningMethod method, ValueRole role)
        {
            var line = method.Program!.Plan().Lines.SingleOrDefault(l => l.Role == role);
            return (line?.Bytes ?? 0, line?.Buffers ?? 0);
        }

        var (part, all) = (ruled.Model.Parameters.Bytes, masked.Model.Parameters.Bytes);
        Assert.That(part + ruled.Model.Frozen.Bytes, Is.EqualTo(all));
        Assert.That(part, Is.LessThan(all / 2));
        Assert.That(Of(expected, ValueRole.Vector), Is.EqualTo((4 * all, 4)), "g, theta', v, h");
        Assert.That(Of(actual, ValueRole.Vector), Is.EqualTo((4 * part, 4)));
        Assert.That(
            expected.VectorBytes - actual.VectorBytes,
            Is.EqualTo(2 * (all - part)),
            "the optimiser's state but for its first vector"
        );
        foreach (var role in new[] { ValueRole.Tangent, ValueRole.TangentGradient, ValueRole.Gradient })
            Assert.That(Of(actual, role).Buffers, Is.LessThan(Of(expected, role).Buffers), $"{role}");
        Assert.That(actual.Program!.Plan().ArenaBytes, Is.LessThan(expected.Program!.Plan().ArenaBytes));
        Assert.That(actual.Program!.Nodes, Has.Count.LessThan(expected.Program!.Nodes.Count));
    }

    /// <summary>A network that trains another part than the options ask for trains what is in both.</summary>
    [Test]
    public void AMaskStillHoldsWithinAPart()
    {
        using var scope = new DiffusionScope(Precision.Float32, Text, trained: name => UNetPart.Holds(["up"], name));
        _ = scope.Run("ft", Options("ft"));
        var now = scope.Model.Parameters.ToArray();
        foreach (var slot in scope.Model.Parameters.Layout.Slots)
        {
            var same = now.AsSpan(slot.Offset, slot.Count).SequenceEqual(scope.Start.AsSpan(slot.Offset, slot.Count));
            Assert.That(same, Is.EqualTo(!IsTrained(slot.Name)), slot.Name);
        }
    }
}
