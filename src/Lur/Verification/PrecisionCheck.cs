using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;

namespace Lur.Verification;

/// <summary>What rounding the factors of products does to a model's derivatives: gradient and Hessian-vector product of one batch with
/// factors in TF32 or bf16 beside those in float32, by the angle between them and by the length of the difference.</summary>
public static class PrecisionCheck
{
    // A step follows a gradient whose cosine to the exact one is c as far as c of its length: a thousandth is nothing beside the noise
    // of a batch. Second derivatives have the rounding of four passes in place of two.
    private const double GradientAngle = 1e-3,
        ProductAngle = 1e-2;

    /// <summary>Compares.</summary>
    /// <param name="model">Model in float32; unchanged.</param>
    /// <param name="data">Data set.</param>
    /// <param name="indices">Samples to take the batch from.</param>
    /// <param name="batch">Samples of the batch.</param>
    /// <param name="products">What factors are rounded to.</param>
    /// <param name="seed">Seed of the batch, its draws and the direction.</param>
    /// <exception cref="UserErrorException">The device has no such precision.</exception>
    public static IReadOnlyList<CheckLine> Run(
        Model model,
        IImageDataset data,
        int[] indices,
        int batch,
        ProductPrecision products,
        ulong seed
    )
    {
        ArgumentNullException.ThrowIfNull(model);
        products.Require(model.Device);
        var exact = Evaluate(model, data, indices, batch, ProductPrecision.Float32, seed);
        var rounded = Evaluate(model, data, indices, batch, products, seed);
        var name = products.Name();
        return
        [
            new CheckLine($"gradient in {name}: 1 - cosine to float32", Angle(rounded.Gradient, exact.Gradient), GradientAngle),
            new CheckLine($"gradient in {name}: length of the difference", Difference(rounded.Gradient, exact.Gradient), 0.1),
            new CheckLine($"Hessian-vector product in {name}: 1 - cosine to float32", Angle(rounded.Product, exact.Product), ProductAngle),
        ];
    }

    private static (double[] Gradient, double[] Product) Evaluate(
        Model model,
        IImageDataset data,
        int[] indices,
        int batch,
        ProductPrecision products,
        ulong seed
    )
    {
        FlatVector Vector(string name) => new(model.Device, model.Precision, model.Parameters.Layout, name);
        using var program = new Program(model.Device, model.Precision, products);
        using FlatVector gradient = Vector("gradient"),
            v = Vector("v"),
            product = Vector("H v");
        var task = LearningTask.Of(model);
        var stage = task.Batch(program, "check", batch, augment: false, seed);
        var weights = model.Parameters;
        var evaluation = new GradientEvaluation(program, "check", model, weights, stage, task.Loss, NormalizationMode.Train, gradient);
        evaluation.HessianVectorProduct(v, product);
        var random = new RandomStream(seed, "precision-check/direction");
        var length = Math.Sqrt(model.Parameters.Count);
        v.Set([.. Sequences.Range(0, checked((int)model.Parameters.Count)).Select(_ => random.Normal() / length)]);
        using var feed = new BatchFeed(data, indices, batch, seed);
        feed.Fill(stage);
        program.Run();
        return (gradient.ToArray(), product.ToArray());
    }

    private static double Angle(double[] a, double[] b) => 1 - (Dot(a, b) / Math.Max(Norm(a) * Norm(b), 1e-300));

    private static double Difference(double[] a, double[] b) => Norm([.. a.Zip(b, (x, y) => x - y)]) / Math.Max(Norm(b), 1e-300);

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Norm(double[] a) => Math.Sqrt(a.Sum(x => x * x));
}
