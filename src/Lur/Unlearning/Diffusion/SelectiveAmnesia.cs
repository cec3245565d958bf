using System.Globalization;
using Lur.Checkpoints;
using Lur.Steps;
using Lur.Tasks.Classification;
using Lur.Tensors;

namespace Lur.Unlearning;

/// <summary>Options of <see cref="SelectiveAmnesia"/>.</summary>
[Options]
[OptionDefault(nameof(LearningRate), 1e-4, Source = Code)]
public sealed partial record SelectiveAmnesiaOptions : DiffusionOptions
{
    private const string Code = "public code of Selective Amnesia for DDPM";

    /// <inheritdoc/>
    /// <remarks>The Fisher diagonal is of all weights.</remarks>
    internal override Func<string, bool>? Trained => null;

    /// <summary>Weight of the elastic penalty sum F (theta - theta0)^2, with losses that are sums over elements.</summary>
    [Option("lambda", 10, Source = Code, Least = 0)]
    public partial double Lambda { get; init; }

    /// <summary>Weight of the loss on replayed images.</summary>
    [Option("gamma", 1, Source = Code, Least = 0)]
    public partial double Gamma { get; init; }

    /// <summary>Images of each class that the original model draws, for replay and Fisher diagonal.</summary>
    [Option("replay", 50, Source = "ours: 500 in the public code", Least = 1, Most = 100000)]
    public partial int Replay { get; init; }

    /// <summary>Steps of the sampler that draws them (DDIM).</summary>
    [Option("replay-steps", 50, Source = "ours: 1,000 ancestral ones in the public code", Least = 1)]
    public partial int ReplaySteps { get; init; }

    /// <summary>Weight of the class where they are drawn.</summary>
    [Option("replay-guidance", 2, Source = Code + ": 2.0", Least = 0)]
    public partial double Guidance { get; init; }

    /// <summary>Drawn images behind the Fisher diagonal; 0 takes all.</summary>
    [Option("fisher-samples", 0, Source = Code + ": all", Least = 0)]
    public partial int FisherSamples { get; init; }

    /// <summary>Time steps drawn for each of them.</summary>
    [Option("fisher-draws", 20, Source = "ours: all 1,000 in the public code", Least = 1, Most = 65536)]
    public partial int FisherDraws { get; init; }
}

/// <summary>SA, selective amnesia (Heng, Soh, NeurIPS 2023): uniform noise takes the place of what is to be forgotten, images that the
/// model drew itself replay the rest, and an elastic penalty holds the weights that matter for them. No real image is read.</summary>
/// <remarks>Minimises L(noise, c_f) + gamma L(replay) + lambda sum F (theta - theta0)^2. The losses here are means over D elements where
/// the public code has sums: its objective, divided by D. How much lambda holds depends on the model: the star of the recipe
/// <c>shapes-ddpm-class</c> (seed 11, 150 steps) is forgotten in 9, 9, 34 and 100 % of the images with lambda 10, 1, 0.1 and 0.01, and the
/// Fréchet distance of the other shapes falls with it, 1.99 to 1.52.</remarks>
public sealed class SelectiveAmnesia : DiffusionMethod
{
    private readonly SelectiveAmnesiaOptions _options;
    private readonly GeneratedImages _images;
    private readonly FlatVector _fisher;

    /// <summary>Binds the method.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    /// <exception cref="UserErrorException">The model draws no classes, or all of them are to be forgotten.</exception>
    public SelectiveAmnesia(UnlearningTask task, SelectiveAmnesiaOptions options)
        : base(task)
    {
        using var construction = Construct();
        _options = options = options.Validated() with { Seed = task.Seed };
        _images = Own(new GeneratedImages(Model, options.Replay));
        var kept = Sequences.Range(0, _images.Count).Where(i => !task.Set.WholeClasses.Contains(_images.Label(i))).ToArray();
        if (kept.Length == 0)
            throw new UserErrorException(
                "Every class is to be forgotten, so there is nothing to replay; forget less, or take another method."
            );
        var loop = Begin(options);
        Keep(_fisher = Own(DiffusionFisher.Vector(Model)));
        // With losses that are means, F has 1 / D^2 of the public code's, and the objective 1 / D.
        var elastic = new ElasticPull(
            Model,
            loop.Frozen(),
            _fisher,
            2 * options.Lambda * Model.Network.Channels * _images.Height * _images.Width
        );
        var replay = Feed(new MethodFeed(task with { Data = _images }, "replay", kept, options.BatchSize));
        var forget = loop.Forget();
        var step = loop.Joint(
            replay,
            forget,
            (options.Gamma, 1),
            (loop.Task.Forgetting(surrogate: true), loop.Task.Loss),
            new UpdateRule { Change = elastic },
            loop.Task.Forgetting()
        );
        SetSteps(options.Steps, step, forget);
        construction.Complete();
    }

    /// <summary>How the method is listed.</summary>
    public static MethodDefinition Definition { get; } =
        MethodDefinition.Create<SelectiveAmnesiaOptions>(
            "sa",
            "SA",
            "Learns uniform noise under the classes that are to be forgotten, images that it drew itself under the others, and stays near "
                + "the weights that matter for these.",
            MethodNeeds.ForgetLabels | MethodNeeds.Fisher,
            "Heng, Soh, \"Selective Amnesia\", NeurIPS 2023, and its public code for DDPM",
            "Fewer images are drawn, by DDIM in place of ancestral sampling, and the Fisher diagonal takes some time steps of each, "
                + "scaled to all; images enter it in [-1, 1] as everywhere else, which the public code overlooks. Noise and replay have "
                + "time steps of their own. Weights are not averaged. Images are kept in 8 bits.",
            (task, options) => new SelectiveAmnesia(task, options),
            MethodTask.Diffusion
        );

    /// <inheritdoc/>
    public override IReadOnlyList<Preparation> Preparations => [new("replay", Draw), new("fisher", Measure)];

    /// <inheritdoc/>
    public override void Save(TrainingState state)
    {
        base.Save(state);
        state.SetArray("replay", _images.Pixels);
    }

    /// <inheritdoc/>
    public override void Restore(TrainingState state)
    {
        base.Restore(state);
        state.GetArray<byte>("replay", _images.Pixels.Length).CopyTo(_images.Pixels, 0);
    }

    private PreparationReport Draw()
    {
        _images.Draw(_options.ReplaySteps, _options.Guidance, _options.Seed, Task.Counter("replay", _images.Count), Task.Cancellation);
        return new PreparationReport(
            string.Create(CultureInfo.InvariantCulture, $"sa: drew {_images.Count:N0} images for replay"),
            ("images", _images.Count)
        );
    }

    private PreparationReport Measure()
    {
        int[] all = [.. Sequences.Range(0, _images.Count)];
        var samples = FisherPass.Choose(all, _options.FisherSamples, _options.Seed, "fisher/samples");
        using var fisher = new DiffusionFisher(Model, _images, _options.FisherDraws, _options.Seed);
        fisher.AddDiagonal(_fisher, samples, Task.Counter("fisher", samples.Length), Task.Cancellation);
        return new PreparationReport(null, ("samples", samples.Length));
    }
}
