using Lur.Device;
using Lur.Layers;
using Lur.Steps;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Unlearning;

/// <summary>A noisy batch that is evaluated in parts, or again, has the gradient and the product of the whole: noise, time steps, dropped
/// conditions and dropped elements are those of its rows.</summary>
public class DiffusionPartsTests
{
    private const int Rows = 5;

    [TestCase(0, true)]
    [TestCase(1, false)]
    [TestCase(2, false)] // 2, 2 and 1
    [TestCase(3, true)]
    public void PartsHaveTheDrawsOfTheirRows(int microBatch, bool recompute)
    {
        var (gradient, product) = Evaluate(BatchSplit.None);
        var parts = Evaluate(new BatchSplit(microBatch, recompute));
        Assert.That(product.Any(h => h != 0));
        // The order of sums over five rows and a few hundred pixels: n 2^-53, and a few for conditioning.
        Errors.AssertClose(parts.Gradient, gradient, 1e-12, "gradient");
        Errors.AssertClose(parts.Product, product, 1e-12, "product");
    }

    private static (double[] Gradient, double[] Product) Evaluate(BatchSplit split)
    {
        using var scope = new DiffusionScope(Precision.Float64, "unet:c4:m1,2:r1:g2:attn4:k3:drop0.3");
        var (model, task) = (scope.Model, new DiffusionTask(scope.Model));
        using var program = new Program(model.Device, model.Precision);
        var vectors = new Dictionary<string, FlatVector>(StringComparer.Ordinal);
        FlatVector Vector(string name) =>
            vectors.TryGetValue(name, out var known)
                ? known
                : vectors[name] = new FlatVector(model.Device, model.Precision, model.Parameters.Layout, name);
        var stage = task.Batch(program, "retain", Rows, augment: true, scope.Task.Seed, fed: false);
        var random = new RandomStream(3, "test/parts");
        Vector("v").Set([.. Enumerable.Range(0, model.Parameters.Count).Select(_ => (double)random.Normal())]);
        var site = new EvaluationSite(program, "retain", model.Network, model.Parameters, model.Buffers, NormalizationMode.Frozen);
        var batch = new BatchGradient(site, stage, task.Loss, Vector("g"), split, Vector, _ => { });
        batch.HessianVectorProduct(Vector("v"), Vector("h"));
        for (var i = 0; i < Rows; i++)
            stage.SetRow(i, scope.Task.Data, i);
        stage.Counter = 40;
        program.Run();
        var result = (Vector("g").ToArray(), Vector("h").ToArray());
        foreach (var vector in vectors.Values)
            vector.Dispose();
        return result;
    }
}
