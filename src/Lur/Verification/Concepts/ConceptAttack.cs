using Lur.Data;
using Lur.Layers;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tensors;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>Tries to bring a concept back, on a copy of a model, and has a detector look at what is drawn for the first prompts that name
/// it.</summary>
/// <param name="eye">Looks for the concept.</param>
/// <param name="prompts">What is asked for.</param>
/// <param name="data">Training images, under their captions.</param>
/// <param name="set">Images of the concept, and those that are kept.</param>
/// <param name="plan">How images are drawn.</param>
/// <param name="options">Length, rates.</param>
internal sealed class ConceptAttack(
    ConceptEye eye,
    ConceptPrompts prompts,
    IImageDataset data,
    ForgetSet set,
    SamplingPlan plan,
    ConceptAttackOptions options
)
{
    // Images do not depend on the batch they are drawn in.
    private readonly SamplingPlan _plan = plan with { BatchSize = Math.Min(plan.BatchSize, options.Samples) };

    /// <summary>Goes on training all weights by Adam on the retain set, with some images of the concept in every batch.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="shots">Images of the concept in every batch, the same ones each time; 0 trains on the retain set only.</param>
    /// <param name="progress">Called with the number of steps done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images in which the concept is, percent, at each of <see cref="ConceptAttackOptions.Steps"/>.</returns>
    public double[] Relearn(Model model, int shots, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var copy = model.Clone();
        using var adam = new Adam(copy.Parameters, new AdamOptions(options.RelearningRate));
        return Train(copy, adam, "relearn", shots, progress, cancel);
    }

    /// <summary>Descends on the retain set, a batch a step, with neither momentum nor Adam's scaling. One such step at LUR's alpha is what
    /// LUR looks ahead by: after it, what LUR has removed ought to stay away.</summary>
    /// <inheritdoc cref="Relearn"/>
    public double[] Descend(Model model, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var copy = model.Clone();
        using var sgd = new Sgd(copy.Parameters, new SgdOptions(options.DescentRate, Momentum: 0));
        return Train(copy, sgd, "descend", 0, progress, cancel);
    }

    /// <summary>Adds noise to images of the concept and draws on under their captions: what does not come back at much noise is not
    /// known.</summary>
    /// <param name="model">The model.</param>
    /// <param name="progress">Called with the number of levels of noise that are done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images in which the concept is, percent, at each of <see cref="ConceptAttackOptions.Noise"/>.</returns>
    public double[] Denoise(Model model, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var chosen = Images("denoise", options.Samples);
        using var images = new GeneratedImages(model, _plan);
        var shares = new double[options.Noise.Count];
        for (var i = 0; i < shares.Length; i++)
        {
            int[] labels = [.. chosen.Select(data.Label)];
            shares[i] = Share(images.Redraw(data, chosen, labels, options.Noise[i] / 100.0, cancel), cancel);
            progress?.Invoke(i + 1);
        }

        return shares;
    }

    /// <summary>Learns the rows of one prompt, and nothing else, from images of the concept (the idea of Pham et al. 2023, who learn the
    /// embedding of a token): where they bring it back, it was hidden from its name and is still known.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="progress">Called with the number of steps done, or null.</param>
    /// <param name="cancel">Stops between steps.</param>
    /// <returns>Share of the images in which the concept is, percent, at each of <see cref="ConceptAttackOptions.RowsSteps"/>.</returns>
    public double[] Rows(Model model, Action<int>? progress = null, CancellationToken cancel = default)
    {
        using var copy = model.Clone();
        var label = ConceptAssessor.LabelOf(copy, prompts.Asked.Prompts[0]);
        var rows = PromptRows.Read(copy, label);
        using var loss = new ContextLoss(copy, options.RowsBatch);
        var noise = new NoisyDraws(copy, data, Images("rows", options.RowsImages), new RandomStream(options.Seed, "attack/rows/noise"));
        var (adam, gradient) = (new HostAdam(rows.Length, options.RowsRate, options.RowsDecay), new double[rows.Length]);
        using var images = new GeneratedImages(copy, _plan);
        int[] asked = [.. Sequences.Repeat(label, options.Samples)];
        var shares = new List<double>();
        for (var done = 0; ; done++)
        {
            if (options.RowsSteps.Contains(done))
            {
                PromptRows.Write(copy, label, rows);
                shares.Add(Share(images.Draw(asked, null, cancel), cancel));
            }

            if (done == options.RowsSteps[^1])
                return [.. shares];
            cancel.ThrowIfCancellationRequested();
            loss.Evaluate(noise.Next(options.RowsBatch), rows, gradient);
            adam.Step(rows, gradient);
            progress?.Invoke(done + 1);
        }
    }

    private double Share(GeneratedSet drawn, CancellationToken cancel)
    {
        var shown = eye.See(drawn, cancel).Shown;
        return 100.0 * shown.Count(s => s) / shown.Length;
    }

    // Images of the concept, the same ones at each call.
    private int[] Images(string name, int most)
    {
        int[] order = [.. set.Forget];
        new RandomStream(options.Seed, "attack/" + name).Shuffle<int>(order);
        return order[..Math.Min(most, order.Length)];
    }

    private double[] Train(Model copy, Optimizer optimizer, string name, int shots, Action<int>? progress, CancellationToken cancel)
    {
        using var step = new Step(copy, optimizer, new StepOptions { Name = name });
        var task = LearningTask.Of(copy);
        var stage = task.Batch(step.Program, name, options.BatchSize, augment: true, options.Seed, fed: false);
        var term = new LossTerm(name, TermRole.Retain, stage, NormalizationMode.TrainAndUpdate, task.Loss);
        step.Update(step.Along(step.Gradient(copy.Parameters, term)), new UpdateRule());
        int[] each = [.. prompts.Asked.Prompts.Select(p => ConceptAssessor.LabelOf(copy, p))];
        int[] asked = [.. Sequences.Range(0, options.Samples).Select(k => each[k % each.Length])];
        using var images = new GeneratedImages(copy, _plan);
        var shown = Images("shots", Math.Min(shots, options.BatchSize));
        var batch = new int[options.BatchSize];
        shown.CopyTo(batch, 0);
        var order = RandomStream.StreamOf("order/" + name, (long)options.Seed);
        var sampler = shown.Length == batch.Length ? null : new BatchSampler(set.Retain, batch.Length - shown.Length, order);
        var shares = new List<double>();
        for (var done = 0; ; done++)
        {
            if (options.Steps.Contains(done))
                shares.Add(Share(images.Draw(asked, null, cancel), cancel));
            if (done == options.Steps[^1])
                return [.. shares];
            cancel.ThrowIfCancellationRequested();
            sampler?.Next(batch.AsSpan(shown.Length));
            for (var i = 0; i < batch.Length; i++)
                stage.SetRow(i, data, batch[i]);
            stage.Counter = (ulong)done * (ulong)options.BatchSize;
            step.Run(done, options.Steps[^1]);
            progress?.Invoke(done + 1);
        }
    }
}
