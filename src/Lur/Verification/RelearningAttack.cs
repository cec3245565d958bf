using Lur.Data;
using Lur.Metrics;
using Lur.Models;
using Lur.Optimizers;
using Lur.Steps;
using Lur.Tasks;
using Lur.Tasks.Classification;
using Lur.Tensors;
using Lur.Unlearning;

namespace Lur.Verification;

/// <summary>How an unlearned model is trained again.</summary>
public sealed record RelearningOptions
{
    /// <summary>Forget samples shown in every batch, the same ones each time; 0 trains on the retain set only.</summary>
    public int Shots { get; init; }

    /// <summary>Steps after which accuracies are measured; 0 measures before the first.</summary>
    public IReadOnlyList<int> Steps { get; init; } = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

    /// <summary>Learning rate; constant.</summary>
    public double LearningRate { get; init; } = 1e-2;

    /// <summary>Batch size, shots included.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Most forget samples and most test samples that accuracies are measured on, evenly spaced over the set.</summary>
    public int Evaluated { get; init; } = 1000;

    /// <summary>Seed of order, augmentation and choice of shots.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">Names the value.</exception>
    public void Validate()
    {
        if (LearningRate <= 0 || !double.IsFinite(LearningRate))
            throw new UserErrorException(FormattableString.Invariant($"The relearning rate is {LearningRate}; it must be above 0."));
        if (BatchSize < 1)
            throw new UserErrorException($"The relearning batch size is {BatchSize}; it must be at least 1.");
        if (Shots < 0 || Shots >= BatchSize)
            throw new UserErrorException(
                $"{Shots} shots do not leave room for retain samples in a batch of {BatchSize}; give fewer shots or a larger batch."
            );
        if (Steps.Count == 0 || Steps[0] < 0 || Steps.Zip(Steps.Skip(1), (a, b) => b > a).Contains(false))
            throw new UserErrorException("The steps of a relearning attack must ascend from 0 or more.");
    }

    /// <summary>Refuses more shots than a forget set has to spare: one sample at least is left to measure on.</summary>
    /// <param name="forget">Samples of the forget set.</param>
    /// <exception cref="UserErrorException">There are not enough.</exception>
    public void RequireShots(int forget)
    {
        if (Shots > 0 && Shots >= forget)
            throw new UserErrorException(
                $"{Shots} shots of {forget} forget samples leave none to measure on; give fewer shots (0 trains on the retain set only)."
            );
    }
}

/// <summary>Relearning attack: goes on training an unlearned model and watches the forgotten come back. Knowledge
/// that is only hidden returns within a few steps, faster than a model that never had it learns it.</summary>
public static class RelearningAttack
{
    /// <summary>Forget samples that the accuracies of an attack are measured on.</summary>
    /// <param name="forget">Samples of the forget set.</param>
    /// <param name="options">The attack.</param>
    public static int MeasuredOn(int forget, RelearningOptions options) => Math.Min(options.Evaluated, forget - options.Shots);

    /// <summary>Runs the attack on a copy of the model.</summary>
    /// <param name="model">Unlearned or retrained model; not changed.</param>
    /// <param name="data">Training data.</param>
    /// <param name="set">What was forgotten and retained.</param>
    /// <param name="test">Test data; classes forgotten whole are left out.</param>
    /// <param name="options">Length, rate, shots.</param>
    /// <param name="progress">Called with the number of steps done, or null.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>Accuracy on the forget samples that were not shown, and on the test set.</returns>
    /// <exception cref="UserErrorException">There are not enough forget samples for the shots.</exception>
    public static RelearningCurve Run(
        Model model,
        IImageDataset data,
        ForgetSet set,
        IImageDataset test,
        RelearningOptions options,
        Action<int>? progress = null,
        CancellationToken cancellation = default
    )
    {
        options.Validate();
        var (shots, unseen) = Choose(set.Forget, options);
        var testIndices = Spread(
            [.. Sequences.Range(0, test.Count).Where(i => !set.WholeClasses.Contains(test.Label(i)))],
            options.Evaluated
        );
        var forgetIndices = Spread(unseen, options.Evaluated);

        using var copy = model.Clone();
        var repair = new RepairOptions
        {
            LearningRate = options.LearningRate,
            Epochs = 1,
            BatchSize = options.BatchSize,
            Seed = options.Seed,
        };
        using var sgd = new Sgd(copy.Parameters, repair.ToSgd());
        using var step = new Step(copy, sgd, repair.ToStep("relearn"));
        var task = LearningTask.Of(copy);
        var stage = task.Batch(step.Program, "relearn", options.BatchSize, repair.Augment, options.Seed);
        var term = new LossTerm("relearn", TermRole.Retain, stage, repair.RetainMode, task.Loss);
        step.Update(step.Along(step.Gradient(copy.Parameters, term)));
        using var evaluator = new Evaluator(copy);
        var sampler = new BatchSampler(
            set.Retain,
            options.BatchSize - shots.Length,
            RandomStream.StreamOf("order/relearn", (long)options.Seed)
        );
        var batch = new int[options.BatchSize];
        shots.CopyTo(batch, 0);
        var points = new List<RelearningPoint>();
        for (var done = 0; ; done++)
        {
            if (options.Steps.Contains(done))
            {
                double Accuracy(IImageDataset of, int[] indices) => evaluator.Predict(of, indices, null, cancellation).Accuracy;
                points.Add(new RelearningPoint(done, Accuracy(data, forgetIndices), Accuracy(test, testIndices)));
                if (done == options.Steps[^1])
                    return new RelearningCurve(points);
            }

            cancellation.ThrowIfCancellationRequested();
            sampler.Next(batch.AsSpan(shots.Length));
            for (var i = 0; i < batch.Length; i++)
                stage.SetRow(i, data, batch[i]);

            stage.Counter = (ulong)done * (ulong)options.BatchSize;
            step.Run(done, options.Steps[^1]);
            progress?.Invoke(done + 1);
        }
    }

    private static (int[] Shots, int[] Unseen) Choose(int[] forget, RelearningOptions options)
    {
        if (options.Shots == 0)
            return ([], forget);
        options.RequireShots(forget.Length);
        int[] order = [.. forget];
        new RandomStream(options.Seed, "relearn/shots").Shuffle<int>(order);
        return (order[..options.Shots], order[options.Shots..]);
    }

    /// <summary>At most a number of entries, evenly spaced.</summary>
    private static int[] Spread(int[] indices, int most) =>
        indices.Length <= most ? indices : [.. Sequences.Range(0, most).Select(i => indices[(int)((long)i * indices.Length / most)])];
}
