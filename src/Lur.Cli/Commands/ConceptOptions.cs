using System.CommandLine;
using Lur.Runs;
using Lur.Verification.Concepts;

namespace Lur.Cli.Commands;

/// <summary>Options of 'lur verify' that are about models that are told prompts.</summary>
internal sealed class ConceptOptions
{
    private static readonly (ConceptAttacks Value, string Word)[] s_attacks =
    [
        (ConceptAttacks.Rows, "embedding"),
        (ConceptAttacks.Relearn, "relearn"),
        (ConceptAttacks.Denoise, "denoise"),
        (ConceptAttacks.Inversion, "inversion"),
        (ConceptAttacks.UnlearnDiffAtk, "unlearndiffatk"),
        (ConceptAttacks.P4D, "p4d"),
    ];

    /// <summary>Words of the attacks.</summary>
    public static IEnumerable<string> AttackWords => s_attacks.Select(a => a.Word);

    private readonly Option<string?> _prompts = new Option<string?>("--prompts")
    {
        Description =
            "Of a model that is told prompts: JSON file of the prompts to ask for, by kind (docs/concepts.md); without it those of the "
            + "generated captions.",
        HelpName = "FILE",
    }.WithShort("Prompts of a concept, by kind (JSON).");
    private readonly Option<string?> _detector = new Option<string?>("--detector")
    {
        Description =
            "Of a model that is told prompts: a program that looks for the concept. {dir} in it becomes a folder of PNG images; it prints "
            + "a line 'NAME SCORE' for each. Without it a judge of the generated captions looks.",
        HelpName = "'CMD {dir}'",
    }.WithShort("Program that looks for the concept.");
    private readonly Option<double> _threshold = SharedOptions.Number(
        "--detector-threshold",
        "Least score of an image with the concept in it.",
        new ConceptSettings().DetectorThreshold,
        "a number",
        double.IsFinite
    );

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [_prompts, _detector, _threshold];

    /// <summary>Refuses them for a model without prompts.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="folder">Folder of the run; where there is none, nothing is refused: the run says what is wrong.</param>
    /// <exception cref="UsageException">One was given.</exception>
    public void Refuse(ParseResult parsed, string folder)
    {
        if (Directory.Exists(folder) && All.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } given)
            throw new UsageException($"{given.Name} is for models that are told prompts, and that of '{folder}' is not; leave it out.");
    }

    /// <summary>Reads what decides a verification of models that are told prompts.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="drawing">Options of all models that draw.</param>
    /// <param name="attacks">Value of the attacks' option.</param>
    /// <param name="shots">Images of the concept in every batch of relearning attacks.</param>
    /// <param name="last">Steps of attacks; null for the defaults.</param>
    /// <param name="seed">Seed of every draw.</param>
    /// <exception cref="UsageException">The attacks are none of theirs.</exception>
    public ConceptSettings Read(
        ParseResult parsed,
        GenerationOptions drawing,
        string? attacks,
        IReadOnlyList<int> shots,
        int? last,
        ulong seed
    )
    {
        var (settings, options) = (new ConceptSettings(), new ConceptAttackOptions { Seed = seed });
        IReadOnlyList<int> Until(IReadOnlyList<int> steps) => last is { } n ? [.. steps.Where(s => s < n), n] : steps;
        return settings with
        {
            Prompts = parsed.GetValue(_prompts),
            Detector = parsed.GetValue(_detector),
            DetectorThreshold = parsed.GetValue(_threshold),
            JudgeTraining = drawing.Training(parsed, settings.JudgeTraining),
            Sampling = drawing.Plan(parsed, settings.Sampling, seed),
            Attacks = Parse(attacks),
            Shots = shots,
            AttackOptions = options with
            {
                Steps = Until(options.Steps),
                RowsSteps = Until(options.RowsSteps),
                Tokens = options.Tokens with
                {
                    InversionSteps = Until(options.Tokens.InversionSteps),
                    PrefixRounds = Until(options.Tokens.PrefixRounds),
                    FreeSteps = Until(options.Tokens.FreeSteps),
                },
            },
        };
    }

    private static ConceptAttacks Parse(string? text)
    {
        var attacks = ConceptAttacks.None;
        foreach (var word in GenerationOptions.Words(text))
            attacks |=
                word == "all" ? ConceptAttacks.All
                : word == "none" ? ConceptAttacks.None
                : s_attacks.FirstOrDefault(a => a.Word == word) is { Word: { } } known ? known.Value
                : throw new UsageException(
                    $"--attacks is '{word}', which is for classifiers; a model that is told prompts takes all, none, or some of "
                        + $"{string.Join(", ", AttackWords)}."
                );
        return attacks;
    }
}
