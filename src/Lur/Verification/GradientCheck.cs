using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Verification;

/// <summary>Checks the derivatives of a model of the user's, on the user's data, in float64: gradient and Hessian-vector
/// product against central differences, symmetry of the Hessian, and LUR's gradient against a numerical derivative of the
/// bilevel objective w_r L_r(theta) + lambda L_u(theta - alpha grad L_r(theta)) (acceptance tests T4, T5).</summary>
/// <remarks>ReLU networks have kinks: along any direction some activation changes sign within the step of the difference, and
/// the smaller the step the more rounding shows. Each comparison is therefore made at several steps and the best is judged;
/// a wrong term is wrong at every step.</remarks>
public sealed class GradientCheck : IDisposable
{
    private static readonly double[] s_steps = [1e-4, 1e-5, 1e-6, 1e-7];
    private readonly Model _model;
    private readonly LurStep _step;
    private readonly Program _program;
    private readonly TensorBatch _input;
    private readonly GradientEvaluation _evaluation;
    private readonly FlatVector _gradient,
        _v,
        _product,
        _momentum;
    private readonly double[] _theta,
        _buffers;
    private readonly LurOptions _options;

    /// <summary>Plans the evaluations.</summary>
    /// <param name="model">Model in float64; its parameters and running statistics are put back at the end.</param>
    /// <param name="data">Data set.</param>
    /// <param name="retain">Samples of the retain batch.</param>
    /// <param name="forget">Samples of the forget batch.</param>
    /// <param name="options">alpha, lambda, weights, BatchNorm policy and forget loss to check.</param>
    public GradientCheck(Model model, IImageDataset data, int[] retain, int[] forget, LurOptions options)
    {
        ClassificationTask.Require(model);
        if (model.Precision != Precision.Float64)
            throw new ArgumentException("Derivatives are checked in float64; load the model so.", nameof(model));
        _model = model;
        _options = options with
        {
            BatchSize = retain.Length,
            ForgetBatchSize = forget.Length,
            Hvp = HessianVectorProduct.Exact,
            LearningRate = 1,
        };
        (_theta, _buffers) = (model.Parameters.ToArray(), model.Buffers.ToArray());
        FlatVector Vector(string name) => new(model.Device, model.Precision, model.Parameters.Layout, name);
        (_gradient, _v, _product, _momentum) = (Vector("gradient"), Vector("v"), Vector("H v"), Vector("momentum"));
        _program = new Program(model.Device, model.Precision);
        _input = new TensorBatch(_program, "retain", retain.Length, model.Network);
        var mode = options.BatchNorm == BatchNormPolicy.Frozen ? NormalizationMode.Frozen : NormalizationMode.Train;
        _evaluation = new GradientEvaluation(
            _program,
            "retain",
            model,
            model.Parameters,
            _input,
            LearningTask.Of(model).Loss,
            mode,
            _gradient
        );
        _evaluation.HessianVectorProduct(_v, _product);
        Program.Keep(_evaluation.Loss.RowLoss);
        _step = new LurStep(
            model,
            _momentum,
            _options,
            withForget: true,
            capture: false,
            inspect: true,
            input: (p, name, n) => new TensorBatch(p, name, n, model.Network)
        );
        _step.Parameters.LearningRate = 0;
        Fill(_input, data, retain);
        Fill((TensorBatch)_step.Retain, data, retain);
        // Without a weight the step has no forget batch.
        if (_step.Forget is TensorBatch batch)
            Fill(batch, data, forget);
    }

    /// <summary>Runs all comparisons.</summary>
    /// <param name="seed">Seed of the random directions.</param>
    public IReadOnlyList<CheckLine> Run(ulong seed)
    {
        var (u, v) = (Direction(seed, "u"), Direction(seed, "v"));
        var (_, gradient, hv) = Evaluate(_theta, v);
        var (_, _, hu) = Evaluate(_theta, u);
        var symmetry = Math.Abs(Dot(u, hv) - Dot(v, hu)) / Math.Max(Norm(u) * Norm(hv), 1e-300);
        double first = double.PositiveInfinity,
            second = first,
            bilevel = first;
        Evaluate(_theta, v);
        _model.Parameters.Set(_theta);
        _step.Run();
        var total = _step.TotalGradient();
        foreach (var h in s_steps)
        {
            var (plus, minus) = (Evaluate(Moved(v, h), v), Evaluate(Moved(v, -h), v));
            first = Math.Min(
                first,
                Math.Abs(((plus.Loss - minus.Loss) / (2 * h)) - Dot(gradient, v)) / Math.Max(Norm(gradient) * Norm(v), 1e-300)
            );
            double[] difference = [.. plus.Gradient.Zip(minus.Gradient, (a, b) => (a - b) / (2 * h))];
            second = Math.Min(second, Norm([.. difference.Zip(hv, (a, b) => a - b)]) / Math.Max(Norm(hv), 1e-300));
            var numeric = (Objective(Moved(v, h)) - Objective(Moved(v, -h))) / (2 * h);
            bilevel = Math.Min(bilevel, Math.Abs(numeric - Dot(total, v)) / Math.Max(Norm(total) * Norm(v), 1e-300));
        }

        _model.Parameters.Set(_theta);
        _model.Buffers.Set(_buffers);
        return
        [
            new CheckLine("gradient of the retain loss against central differences", first, 1e-6),
            new CheckLine("Hessian-vector product against central differences", second, 1e-3),
            new CheckLine("symmetry <u, H v> = <v, H u>", symmetry, 1e-10),
            new CheckLine("LUR gradient against the bilevel objective", bilevel, 1e-6),
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
        _step.Dispose();
        foreach (var vector in new[] { _gradient, _v, _product, _momentum })
            vector.Dispose();
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Norm(double[] a) => Math.Sqrt(a.Sum(x => x * x));

    private double[] Direction(ulong seed, string name)
    {
        var random = new RandomStream(seed, "gradient-check/" + name);
        var values = new double[_theta.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = random.Normal() / Math.Sqrt(values.Length);
        return values;
    }

    private double[] Moved(double[] v, double h) => [.. _theta.Zip(v, (t, d) => t + (h * d))];

    private (double Loss, double[] Gradient, double[] Product) Evaluate(double[] theta, double[] v)
    {
        _model.Parameters.Set(theta);
        _v.Set(v);
        _program.Run();
        var rows = new double[_input.Batch];
        _model.Device.Download(rows.AsSpan(), _evaluation.Loss.RowLoss.Pointer);
        return (rows.Average(), _gradient.ToArray(), _product.ToArray());
    }

    private double Objective(double[] theta)
    {
        _model.Parameters.Set(theta);
        var t = _step.Run();
        return (_options.RetainWeight * t.RetainLoss) + (_step.WithForget ? _options.Lambda * t.ForgetLoss : 0);
    }

    private void Fill(TensorBatch batch, IImageDataset data, int[] indices)
    {
        int c = data.Channels,
            plane = data.Height * data.Width;
        var bytes = new byte[data.SampleBytes];
        var images = new double[batch.Batch * bytes.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            data.CopyImage(indices[i], bytes);
            for (var p = 0; p < plane; p++)
            {
                for (var k = 0; k < c; k++)
                {
                    images[(i * bytes.Length) + (p * c) + k] =
                        ((bytes[(k * plane) + p] / 255.0) - _model.Normalization.Mean[k]) / _model.Normalization.Std[k];
                }
            }
        }

        batch.Set(images, [.. indices.Select(data.Label)]);
    }
}
