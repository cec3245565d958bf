using System.Text.Json;
using Lur.Verification;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>"verify" of a recipe whose models draw: how the images of each run are drawn and judged.</summary>
internal static class RecipeVerification
{
    private static readonly string[] s_fields = ["samples", "steps", "guidance", "judge", "judgeEpochs", "attacks", "attackSteps"];

    /// <summary>Reads it; what is missing is the default of 'lur verify', but for the attacks: none.</summary>
    /// <param name="recipe">JSON object of the recipe.</param>
    /// <exception cref="UserErrorException">A field is unknown or out of range.</exception>
    public static GenerationSettings Read(JsonElement recipe)
    {
        var settings = new GenerationSettings { Attacks = GenerationAttacks.None };
        if (!recipe.TryGetProperty("verify", out var e))
            return settings;
        if (e.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => !s_fields.Contains(n)) is { } unknown)
            throw new UserErrorException(
                $"'verify' has no field '{unknown}'; " + Spelling.DidYouMean(unknown, s_fields, $"it has {string.Join(", ", s_fields)}.")
            );
        T Or<T>(string name, Func<JsonElement, T> read, T missing) => e.TryGetProperty(name, out var value) ? read(value) : missing;
        var (plan, attack) = (settings.Sampling, settings.AttackOptions);
        var steps = Or("attackSteps", v => v.GetInt32(), attack.Steps[^1]);
        settings = settings with
        {
            Sampling = plan with
            {
                Samples = Or("samples", v => v.GetInt32(), plan.Samples),
                Steps = Or("steps", v => v.GetInt32(), plan.Steps),
                Guidance = Or("guidance", v => v.GetDouble(), plan.Guidance),
            },
            Judge = Or("judge", v => v.GetString(), null),
            JudgeTraining = settings.JudgeTraining with { Epochs = Or("judgeEpochs", v => v.GetInt32(), settings.JudgeTraining.Epochs) },
            Attacks = Or(
                "attacks",
                v => v.EnumerateArray().Aggregate(GenerationAttacks.None, (all, word) => all | Attack(word)),
                settings.Attacks
            ),
            AttackOptions = attack with { Steps = [.. attack.Steps.Where(s => s < steps), steps] },
        };
        settings.Sampling.Validate();
        settings.JudgeTraining.Validate();
        settings.AttackOptions.Validate();
        return settings;
    }

    /// <summary>That of one seed: images start from it, and the judge is trained with it.</summary>
    public static GenerationSettings For(GenerationSettings settings, ulong seed) =>
        settings with
        {
            Sampling = settings.Sampling with { Seed = seed },
            JudgeTraining = settings.JudgeTraining with { Seed = seed },
            AttackOptions = settings.AttackOptions with { Seed = seed },
        };

    /// <summary>Everything that decides it, for a key.</summary>
    public static (string, string)[] Key(GenerationSettings s) =>
        [
            ("sampling", s.Sampling.ToString()),
            ("judge", s.Judge is { } file && File.Exists(file) ? ReferenceCache.HashOf(file) : s.Judge ?? "by size"),
            ("training of the judge", s.JudgeTraining.ToString()),
            ("attacks", s.Attacks == GenerationAttacks.None ? "none" : $"{s.Attacks} {string.Join(',', s.AttackOptions.Steps)}"),
        ];

    private static GenerationAttacks Attack(JsonElement word) =>
        Enum.GetValues<GenerationAttacks>()
            .Where(a => a is not (GenerationAttacks.None or GenerationAttacks.All))
            .FirstOrDefault(a => a.ToString().Equals(word.GetString(), StringComparison.OrdinalIgnoreCase))
            is var attack
                and not GenerationAttacks.None
            ? attack
            : throw new UserErrorException($"'attacks' has '{word}'; it is a list of embedding, relearn and denoise.");
}
