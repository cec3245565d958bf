using System.Text.Json;
using Lur.Data;
using Lur.Metrics;
using Lur.Models;
using Lur.Tasks.Classification;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>A loss and a share of right answers.</summary>
/// <param name="Loss">Mean loss.</param>
/// <param name="Accuracy">Percent; NaN where nothing is right or wrong.</param>
internal readonly record struct Measured(double Loss, double Accuracy);

/// <summary>How a model in training is measured: what its task has for it.</summary>
internal abstract class TrainMeasure : IDisposable
{
    /// <summary>That of a model.</summary>
    public static TrainMeasure Of(Model model) => model.Spec is UNetSpec ? new DenoisingMeasure(model) : new AccuracyMeasure(model);

    /// <summary>Measures samples.</summary>
    public abstract Measured Of(IImageDataset data, ReadOnlySpan<int> indices, CancellationToken cancel);

    /// <summary>Measures the validation part; NaN without one.</summary>
    public Measured Validate(TrainParts parts, CancellationToken cancel)
    {
        if (parts.Split.Validation.Length == 0)
            return new Measured(double.NaN, double.NaN);
        using var averaged = parts.Trainer.Averaged();
        return Of(parts.Source.Train, parts.Split.Validation, cancel);
    }

    /// <summary>Measures the test images.</summary>
    public abstract TrainTest Test(IImageDataset data, CancellationToken cancel);

    /// <inheritdoc/>
    public abstract void Dispose();

    private sealed class AccuracyMeasure(Model model) : TrainMeasure
    {
        private readonly Evaluator _evaluator = new(model);

        public override Measured Of(IImageDataset data, ReadOnlySpan<int> indices, CancellationToken cancel)
        {
            var predictions = _evaluator.Predict(data, indices, null, cancel);
            return new Measured(predictions.MeanLoss, predictions.Accuracy);
        }

        public override TrainTest Test(IImageDataset data, CancellationToken cancel) =>
            new ClassifierTest(_evaluator.Predict(data, [.. Sequences.Range(0, data.Count)], null, cancel));

        public override void Dispose() => _evaluator.Dispose();
    }

    private sealed class DenoisingMeasure(Model model) : TrainMeasure
    {
        private const int TestDraws = 4;
        private readonly DenoisingEvaluator _evaluator = new(model);

        public override Measured Of(IImageDataset data, ReadOnlySpan<int> indices, CancellationToken cancel) =>
            new(_evaluator.Losses(data, indices, 1, null, cancel).Average(), double.NaN);

        public override TrainTest Test(IImageDataset data, CancellationToken cancel) =>
            new DenoisingTest(
                [.. Sequences.Range(0, data.Count).Select(data.Label)],
                _evaluator.Losses(data, [.. Sequences.Range(0, data.Count)], TestDraws, null, cancel)
            );

        public override void Dispose() => _evaluator.Dispose();
    }
}

/// <summary>What a trained model does on the test images.</summary>
/// <param name="MeanLoss">Mean loss.</param>
/// <param name="Accuracy">Percent classified as labelled; NaN for a model that classifies nothing.</param>
/// <param name="Count">Images.</param>
public abstract record TrainTest(double MeanLoss, double Accuracy, int Count)
{
    /// <summary>Puts the fields of result.json.</summary>
    internal abstract void Write(Utf8JsonWriter w, IImageDataset data);
}

/// <summary>A classifier's predictions.</summary>
/// <param name="Predictions">Of the test images.</param>
public sealed record ClassifierTest(Predictions Predictions) : TrainTest(Predictions.MeanLoss, Predictions.Accuracy, Predictions.Count)
{
    internal override void Write(Utf8JsonWriter w, IImageDataset data)
    {
        var classes = data.ClassNames;
        w.WriteNumber("testAccuracy", Predictions.Accuracy);
        w.WriteNumber("testLoss", Predictions.MeanLoss);
        OutputFolder.WritePerClass(w, "perClassTestAccuracy", classes, Predictions.PerClassAccuracy(classes.Count));
        w.WriteStartObject("test");
        OutputFolder.WritePredictions(w, data, Predictions);
        w.WriteEndObject();
    }
}

/// <summary>A diffusion model's denoising losses.</summary>
/// <param name="Labels">Class of each test image.</param>
/// <param name="Losses">Mean squared error of each, over a few draws of time step and noise.</param>
public sealed record DenoisingTest(int[] Labels, double[] Losses)
    : TrainTest(Losses.Length == 0 ? double.NaN : Losses.Average(), double.NaN, Losses.Length)
{
    /// <summary>Mean loss of each class; NaN for one without test images.</summary>
    /// <param name="classes">Number of classes.</param>
    public double[] PerClass(int classes)
    {
        var (sums, counts) = (new double[classes], new int[classes]);
        for (var i = 0; i < Losses.Length; i++)
            (sums[Labels[i]], counts[Labels[i]]) = (sums[Labels[i]] + Losses[i], counts[Labels[i]] + 1);
        return [.. sums.Zip(counts, (sum, count) => sum / count)];
    }

    internal override void Write(Utf8JsonWriter w, IImageDataset data)
    {
        w.WriteNumber("testLoss", MeanLoss);
        OutputFolder.WritePerClass(w, "perClassTestLoss", data.ClassNames, PerClass(data.ClassNames.Count));
    }
}
