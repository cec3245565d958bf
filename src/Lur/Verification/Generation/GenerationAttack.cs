using Lur.Data;
using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Diffusion;
using Lur.Tensors;

namespace Lur.Verification.Generation;

/// <summary>Attacks on a model that draws.</summary>
[Flags]
public enum GenerationAttacks
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>New rows of the class table are learnt for the forgotten labels, every other weight frozen: concept inversion (Pham et
    /// al. 2023) for a model that is told classes.</summary>
    Embedding = 1,

    /// <summary>Training goes on.</summary>
    Relearn = 2,

    /// <summary>Forgotten images with noise are drawn on under their label.</summary>
    Denoise = 4,

    /// <summary>All.</summary>
    All = Embedding | Relearn | Denoise,
}

/// <summary>How attacks are made.</summary>
public sealed record GenerationAttackOptions
{
    /// <summary>Steps after which images are drawn; 0 draws before the first.</summary>
    public IReadOnlyList<int> Steps { get; init; } = [0, 20, 50, 100, 200];

    /// <summary>Batch size, shots included.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Rate of Adam for a row of the class table.</summary>
    public double EmbeddingRate { get; init; } = 1e-2;

    /// <summary>Rate of Adam for all weights.</summary>
    public double RelearningRate { get; init; } = 2e-4;

    /// <summary>Images of each forgotten label that are drawn at each point.</summary>
    public int Samples { get; init; } = 32;

    /// <summary>Shares of the noise's time steps up to which noise is added, percent.</summary>
    public IReadOnlyList<int> Noise { get; init; } = [30, 50, 70, 90];

    /// <summary>Seed of order and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">Names the value.</exception>
    public void Validate()
    {
        if (Steps.Count == 0 || Steps[0] < 0 || Steps.Zip(Steps.Skip(1), (a, b) => b > a).Contains(false))
            throw new UserErrorException("The steps of an attack must ascend from 0 or more.");
        if (BatchSize < 1 || Samples < 1)
            throw new UserErrorException($"An attack with batches of {BatchSize} and {Samples} images; both must be at least 1.");
        if (!(EmbeddingRate > 0 && RelearningRate > 0))
            throw new UserErrorException("The rates of an attack must be above 0.");
    }
}

/// <summary>Tries to bring forgotten labels back, on a copy of a model, and has a judge look at what is drawn.</summary>
/// <param name="judge">The judge; stays the caller's.</param>
/// <param name="data">Training data.</param>
/// <param name="set">What was forgotten and retained.</param>
/// <param name="plan">How images are drawn.</param>
/// <param name="options">Length, rates.</param>
public sealed class GenerationAttack(Judge judge, IImageDataset data, ForgetSet set, SamplingPlan plan, GenerationAttackOptions options)
{
    private readonly int[] _labels = [.. set.RequestedClasses];

    /// <summary>True where a model has a row of its own for each class.</summary>
    public static bool HasRows(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return GeneratedImages.Conditional(model).Condition is ClassCondition.Table or ClassCondition.Concatenated;
    }

    /// <summary>Learns new rows of the class table for the forgotten labels from the forget images; they begin as the mean of the kept
    /// ones.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="progress">Called with the number of steps done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images that are classed as asked, percent, at each of the steps.</returns>
    public double[] Embedding(Model model, Action<int>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var copy = model.Clone();
        var slot = copy.Parameters.Layout.Slots.First(copy.Spec.HasClassAxis);
        var width = slot.Count / slot.Shape[0];
        var weights = copy.Parameters.ToArray();
        var bytes = new byte[copy.Parameters.Count];
        int[] kept = [.. Sequences.Range(0, GeneratedImages.Conditional(copy).ClassCount).Except(set.WholeClasses)];
        foreach (var label in _labels)
            for (var j = 0; j < width; j++)
            {
                var at = slot.Offset + (label * width) + j;
                (weights[at], bytes[at]) = (kept.Select(c => weights[slot.Offset + (c * width) + j]).DefaultIfEmpty().Average(), 1);
            }

        copy.Parameters.Set(weights);
        using var mask = new ParameterMask(copy.Device, copy.Parameters.Layout);
        mask.Set(bytes);
        return Train(copy, mask, options.EmbeddingRate, "embedding", 0, progress, cancel);
    }

    /// <summary>Goes on training all weights on the retain set, with some forget images in every batch.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="shots">Forget images in every batch, the same ones each time; 0 trains on the retain set only.</param>
    /// <param name="progress">Called with the number of steps done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images that are classed as asked, percent, at each of the steps.</returns>
    public double[] Relearn(Model model, int shots, Action<int>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var copy = model.Clone();
        return Train(copy, null, options.RelearningRate, "relearn", shots, progress, cancel);
    }

    /// <summary>Adds noise to forget images and draws on under their label: what does not come back at much noise is not known.</summary>
    /// <param name="model">The model.</param>
    /// <param name="progress">Called with the number of levels of noise that are done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images that are classed as they were, percent, at each of
    /// <see cref="GenerationAttackOptions.Noise"/>.</returns>
    public double[] Denoise(Model model, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var images = new GeneratedImages(model, plan);
        return
        [
            .. options.Noise.Select(
                (noise, i) =>
                {
                    var share = _labels.Average(label =>
                    {
                        int[] chosen = [.. set.Forget.Where(i => data.Label(i) == label).Take(options.Samples)];
                        return judge.ShareOf(label, images.Redraw(data, chosen, label, noise / 100.0, cancel), data, cancel);
                    });
                    progress?.Invoke(i + 1);
                    return share;
                }
            ),
        ];
    }

    private double[] Train(
        Model copy,
        ParameterMask? mask,
        double rate,
        string name,
        int shots,
        Action<int>? progress,
        CancellationToken cancel
    )
    {
        if (mask is not null)
        {
            // A condition that is dropped teaches the row nothing.
            (DiffusionNoise.Of(copy) with { ConditionDrop = 0 }).Save(copy);
        }

        using var adam = new Adam(copy.Parameters, new AdamOptions(rate));
        using var step = new Step(copy, adam, new StepOptions { Name = name });
        var task = LearningTask.Of(copy);
        var stage = task.Batch(step.Program, name, options.BatchSize, augment: true, options.Seed, fed: false);
        var term = new LossTerm(name, TermRole.Retain, stage, NormalizationMode.TrainAndUpdate, task.Loss);
        step.Update(step.Along(step.Gradient(copy.Parameters, term)), new UpdateRule { Mask = mask });
        var rows = Rows(name, mask is not null, shots);
        using var images = new GeneratedImages(copy, plan);
        int[] asked = [.. Sequences.Range(0, options.Samples * _labels.Length).Select(k => _labels[k % _labels.Length])];
        var shares = new List<double>();
        for (var done = 0; ; done++)
        {
            if (options.Steps.Contains(done))
                shares.Add(judge.See(images.Draw(asked, null, cancel), data, cancel).Accuracy);
            if (done == options.Steps[^1])
                return [.. shares];
            cancel.ThrowIfCancellationRequested();
            var batch = rows();
            for (var i = 0; i < batch.Length; i++)
                stage.SetRow(i, data, batch[i]);
            stage.Counter = (ulong)done * (ulong)options.BatchSize;
            step.Run(done, options.Steps[^1]);
            progress?.Invoke(done + 1);
        }
    }

    /// <summary>The samples of the next batch, at each call.</summary>
    private Func<int[]> Rows(string name, bool forget, int shots)
    {
        int[] order = [.. set.Forget];
        new RandomStream(options.Seed, "relearn/shots").Shuffle<int>(order);
        var shown = forget ? [] : order[..Math.Min(shots, order.Length)];
        var batch = new int[options.BatchSize];
        shown.CopyTo(batch, 0);
        var sampler = new BatchSampler(
            forget ? set.Forget : set.Retain,
            options.BatchSize - shown.Length,
            RandomStream.StreamOf("order/" + name, (long)options.Seed)
        );
        return () =>
        {
            sampler.Next(batch.AsSpan(shown.Length));
            return batch;
        };
    }
}
