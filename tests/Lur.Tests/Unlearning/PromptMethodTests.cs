using Lur.Device;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>Every method on a UNet that is told prompts, whose rows are drawn.</summary>
public class PromptMethodTests
{
    private const string Model = "unet:c4:m1,2:r1:g2:attn4:heads2:x6:tok4:k3";

    private static IEnumerable<string> Methods => MethodCatalog.Diffusion.Select(m => m.Name);

    private static DiffusionScope Scope(Precision precision = Precision.Float32)
    {
        var scope = new DiffusionScope(precision, Model);
        var random = new RandomStream(3, "prompts");
        scope.Model.Buffers.Set([.. Enumerable.Range(0, scope.Model.Buffers.Count).Select(_ => random.Normal())]);
        return scope;
    }

    [TestCaseSource(nameof(Methods))]
    public void ItRunsAndLeavesTheRowsOfThePromptsAlone(string name)
    {
        using var scope = Scope();
        var rows = scope.Model.Buffers.ToArray();
        scope.Run(name, DiffusionScope.Short(name));
        Assert.That(scope.Model.Parameters.ToArray(), Is.All.Matches<double>(double.IsFinite));
        if (name != "ssd") // which may find nothing to dampen
            Assert.That(scope.Model.Parameters.ToArray(), Is.Not.EqualTo(scope.Start));
        Assert.That(scope.Model.Buffers.ToArray(), Is.EqualTo(rows));
    }

    // What is shown under the concept is what is given for the anchor, where both have the same rows.
    [Test]
    public void ConceptAblationOfWhatIsTheAnchorAlreadyChangesNothing()
    {
        using var scope = Scope(Precision.Float64);
        var rows = scope.Model.Buffers.ToArray();
        var each = rows.Length / 4;
        rows.AsSpan(2 * each, each).CopyTo(rows.AsSpan(each, each)); // the anchor of class 1 is class 2
        scope.Model.Buffers.Set(rows);
        scope.Run("ca", "batch", "4", "steps", "3", "lr", "0.01", "optimizer", "sgd");
        Assert.That(scope.Model.Parameters.ToArray(), Is.EqualTo(scope.Start));
        using var other = Scope(Precision.Float64);
        other.Run("ca", "batch", "4", "steps", "3", "lr", "0.01", "optimizer", "sgd");
        Assert.That(other.Model.Parameters.ToArray(), Is.Not.EqualTo(other.Start));
    }
}
