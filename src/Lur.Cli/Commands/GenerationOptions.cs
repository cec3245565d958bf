using System.CommandLine;
using Lur.Runs;
using Lur.Verification.Generation;

namespace Lur.Cli.Commands;

/// <summary>Options of 'lur verify' that are about models that draw.</summary>
internal sealed class GenerationOptions
{
    private static readonly (GenerationAttacks Value, string Word)[] s_attacks =
    [
        (GenerationAttacks.Embedding, "embedding"),
        (GenerationAttacks.Relearn, "relearn"),
        (GenerationAttacks.Denoise, "denoise"),
    ];
    private readonly Option<int> _samples,
        _steps,
        _judgeEpochs;
    private readonly Option<double> _guidance,
        _judgeNoise;
    private readonly Option<string?> _judge,
        _inception,
        _statistics;

    /// <summary>Declares them.</summary>
    public GenerationOptions()
    {
        var d = new SamplingPlan();
        _samples = SharedOptions
            .Number(
                "--samples",
                "Of a model that draws: images of each class that a judge looks at, or of each prompt (8).",
                d.Samples,
                "a whole number of at least 4",
                n => n >= 4
            )
            .WithShort("Of a model that draws: images of each class or prompt.");
        _steps = SharedOptions.Number(
            "--steps",
            "Of a model that draws: steps of its sampler (DDIM; 25 for prompts).",
            d.Steps,
            "a whole number of at least 1",
            n => n >= 1
        );
        _guidance = SharedOptions.Number(
            "--guidance",
            "Of a model that draws: weight of the class or prompt; 1 is it alone.",
            d.Guidance,
            "a number of at least 0",
            n => n >= 0
        );
        _judge = new Option<string?>("--judge")
        {
            Description =
                "Of a model that draws: the classifier that looks at its images, a file, or an architecture to train on the same data "
                + "(resnet20:w16 above 16 pixels a side, resnet[1,1]:w16 else); it is kept and found again.",
        }.WithShort("Classifier that looks at drawn images.");
        _judgeEpochs = SharedOptions.Number(
            "--judge-epochs",
            "Epochs of a judge that is trained.",
            new Training.TrainingOptions().Epochs,
            "a whole number of at least 1",
            n => n >= 1
        );
        _judgeNoise = JudgeNoise();
        (_inception, _statistics) = Inception();
    }

    private static Option<double> JudgeNoise() =>
        SharedOptions.Number(
            "--judge-noise",
            "Largest deviation of the noise on the images that a judge is trained with, so that it stands the grain of drawn ones; images "
                + "lie in [-1, 1]. It is tried with as much; 0.5 for models that are told prompts.",
            new GenerationSettings().JudgeTraining.AugmentNoise,
            "a number of at least 0",
            n => n >= 0
        );

    private static (Option<string?> File, Option<string?> Statistics) Inception()
    {
        var file = new Option<string?>("--inception")
        {
            Description =
                "Of a model that draws: weights of the InceptionV3 network of FID, a safetensors file (docs/reports.md says how to make "
                + "it), to measure FID and KID of the kept classes.",
            HelpName = "FILE",
        }.WithShort("Weights of InceptionV3: FID and KID, too.");
        var statistics = new Option<string?>("--inception-statistics")
        {
            Description =
                "Statistics that the FID is taken to in the place of the real images', a .npz file with mu and sigma as pytorch-fid writes "
                + "them.",
            HelpName = "FILE",
        }.WithShort("Published statistics (.npz) for the FID.");
        return (file, statistics);
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [_samples, _steps, _guidance, _judge, _judgeEpochs, _judgeNoise, _inception, _statistics];

    /// <summary>The attacks' option, which serves classifiers, too.</summary>
    public static Option<string> Attacks()
    {
        string[] words = ["all", "scalar", "none", .. s_attacks.Select(a => a.Word).Union(ConceptOptions.AttackWords)];
        var option = new Option<string>("--attacks")
        {
            Description =
                "Of a classifier, membership attacks beside the MIA column: all; scalar leaves out the one on the vector of all "
                + "probabilities, whose time grows with the number of classes; none. Of a model that draws: all, none, or some of "
                + "embedding (a new row of the class table, or the rows of a prompt), relearn (training goes on), denoise (forgotten "
                + "images with noise); where it is told prompts also inversion, unlearndiffatk, p4d (the tokens of a prompt).",
            HelpName = "WORDS",
            DefaultValueFactory = _ => "all",
        }.WithShort("Attacks: all, none; scalar or embedding,relearn,denoise.");
        option.Validators.Add(result =>
        {
            foreach (var word in result.Tokens.SelectMany(t => t.Value.Split(',')))
                if (!words.Contains(word, StringComparer.OrdinalIgnoreCase))
                    result.AddError(
                        $"Option --attacks is '{word}'; {Spelling.DidYouMean(word, words, $"it takes one of {string.Join(", ", words)}.")}"
                    );
        });
        option.CompletionSources.Add(_ => words.Select(w => new System.CommandLine.Completions.CompletionItem(w)));
        return option;
    }

    /// <summary>Reads the attacks on a classifier.</summary>
    /// <exception cref="UsageException">They are none of a classifier's.</exception>
    public static AttackChoice OfClassifier(string? text) =>
        s_attacks.Select(a => a.Word).Union(ConceptOptions.AttackWords).Any(Words(text).Contains) || Words(text).Length != 1
            ? throw new UsageException($"--attacks is '{text}', which is for models that draw; a classifier takes all, scalar or none.")
            : OptionText.Parse<AttackChoice>(text);

    /// <summary>Reads what decides a verification of models that draw.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="attacks">Value of the attacks' option.</param>
    /// <param name="shots">Forget images in every batch of relearning attacks.</param>
    /// <param name="last">Steps of attacks; null for the default.</param>
    /// <param name="seed">Seed of every draw.</param>
    /// <exception cref="UsageException">The attacks are none of theirs.</exception>
    public GenerationSettings Read(ParseResult parsed, string? attacks, IReadOnlyList<int> shots, int? last, ulong seed)
    {
        var d = new GenerationAttackOptions { Seed = seed };
        if (parsed.GetValue(_statistics) is { } statistics && parsed.GetValue(_inception) is null)
            throw new UsageException($"--inception-statistics is '{statistics}', but no --inception names the network; give both.");
        return new GenerationSettings
        {
            Sampling = Plan(parsed, new SamplingPlan(), seed),
            Judge = parsed.GetValue(_judge),
            JudgeTraining = Training(parsed, new GenerationSettings().JudgeTraining),
            Inception = parsed.GetValue(_inception),
            InceptionStatistics = parsed.GetValue(_statistics),
            Attacks = OfDrawing(attacks),
            Shots = shots,
            AttackOptions = last is { } n ? d with { Steps = [.. d.Steps.Where(s => s < n), n] } : d,
        };
    }

    private static GenerationAttacks OfDrawing(string? text)
    {
        var attacks = GenerationAttacks.None;
        foreach (var word in Words(text))
            attacks |=
                word == "all" ? GenerationAttacks.All
                : word == "none" ? GenerationAttacks.None
                : s_attacks.FirstOrDefault(a => a.Word == word) is { Word: { } } known ? known.Value
                : throw new UsageException(
                    $"--attacks is '{word}', which is for {(word == "scalar" ? "classifiers" : "models that are told prompts")}; a model "
                        + $"that draws classes takes all, none, or some of {string.Join(", ", s_attacks.Select(a => a.Word))}."
                );
        return attacks;
    }

    /// <summary>The plan of some defaults with what was given.</summary>
    public SamplingPlan Plan(ParseResult parsed, SamplingPlan defaults, ulong seed) =>
        new()
        {
            Samples = SharedOptions.Given(parsed, _samples, defaults.Samples),
            Steps = SharedOptions.Given(parsed, _steps, defaults.Steps),
            Guidance = SharedOptions.Given(parsed, _guidance, defaults.Guidance),
            Seed = seed,
        };

    /// <summary>How a judge is trained, of some defaults with what was given.</summary>
    public Training.TrainingOptions Training(ParseResult parsed, Training.TrainingOptions defaults) =>
        defaults with
        {
            Epochs = parsed.GetValue(_judgeEpochs),
            AugmentNoise = SharedOptions.Given(parsed, _judgeNoise, defaults.AugmentNoise),
        };

    internal static string[] Words(string? text) => (text ?? "").ToLowerInvariant().Split(',');
}
