using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Verification.Concepts;

namespace Lur.Runs;

/// <summary>Makes the attacks of a verification of a concept on every model.</summary>
/// <param name="parts">Data, prompts, the original.</param>
/// <param name="eye">Looks for the concept.</param>
/// <param name="settings">Which attacks, how.</param>
/// <param name="host">Whom it tells.</param>
internal sealed class ConceptAttackRun(ConceptParts parts, ConceptEye eye, ConceptSettings settings, RunHost host)
{
    private const string Steps = "steps";
    private readonly ConceptAttackOptions _options = settings.AttackOptions;

    /// <summary>A model under attack.</summary>
    private sealed record Attacked(Model Model, string Path, Action<int> Progress);

    /// <summary>Runs.</summary>
    /// <param name="unlearned">Models to attack.</param>
    /// <param name="retrained">Models beside them; may be none.</param>
    /// <param name="cancel">Stops between steps.</param>
    public IEnumerable<DrawingAttack> Run(ConceptModel[] unlearned, ConceptModel[] retrained, CancellationToken cancel)
    {
        var attack = new ConceptAttack(eye, parts.Prompts, parts.Source.Train, parts.Set, settings.Sampling, _options);
        DrawingAttack On(Curve curve, Func<Attacked, double[]> run)
        {
            IReadOnlyList<double[]> Side(ConceptModel[] models, string what) =>
                [
                    .. models.Select(
                        (m, i) =>
                        {
                            using var model = parts.Load(m.Path);
                            var stage = $"attack {VerifyRun.Numbered(what, i, models.Length)}, {curve.Name}";
                            using var progress = host.Progress.Stage(stage, curve.Total, curve.Counted);
                            return run(new Attacked(model, m.Path, n => progress.Report(n)));
                        }
                    ),
                ];
            return new DrawingAttack(
                curve.Name,
                curve.Unit,
                curve.Points,
                Side(unlearned, "unlearned"),
                Side(retrained, "retrained"),
                curve.Images
            );
        }

        Curve Trained(string name, IReadOnlyList<int> steps) => new(name, Steps, steps, _options.Samples);
        if (settings.Attacks.HasFlag(ConceptAttacks.Relearn))
        {
            yield return On(Trained(DrawingAttack.Descent, _options.Steps), a => attack.Descend(a.Model, a.Progress, cancel));
            foreach (var shots in settings.Shots)
                yield return On(
                    Trained($"{DrawingAttack.Relearning}{shots}", _options.Steps),
                    a => attack.Relearn(a.Model, shots, a.Progress, cancel)
                );
        }

        if (settings.Attacks.HasFlag(ConceptAttacks.Denoise))
            yield return On(
                new Curve("denoise", DrawingAttack.NoiseUnit, _options.Noise, _options.Samples)
                {
                    Total = _options.Noise.Count,
                    Counted = "levels of noise",
                },
                a => attack.Denoise(a.Model, a.Progress, cancel)
            );
        if (settings.Attacks.HasFlag(ConceptAttacks.Rows))
            yield return On(Trained("rows", _options.RowsSteps), a => attack.Rows(a.Model, a.Progress, cancel));
        foreach (var (curve, run) in OnTokens([.. unlearned, .. retrained], cancel))
            yield return On(curve, run);
    }

    private sealed record Curve(string Name, string Unit, IReadOnlyList<int> Points, int Images)
    {
        public int Total { get; init; } = Points[^1];

        public string Counted { get; init; } = Unit;
    }

    // Through the text encoder, where every model has one beside it.
    private IEnumerable<(Curve, Func<Attacked, double[]>)> OnTokens(ConceptModel[] models, CancellationToken cancel)
    {
        if ((settings.Attacks & (ConceptAttacks.Inversion | ConceptAttacks.UnlearnDiffAtk | ConceptAttacks.P4D)) == 0)
            yield break;
        if (models.FirstOrDefault(m => PromptFolder.Of(parts.Original, m.Path) is null) is { } without)
        {
            host.Progress.Note($"no attack on tokens is made: '{without.Path}' has no text encoder beside it");
            yield break;
        }

        var (options, seed) = (_options.Tokens, _options.Seed);
        var scene = new TokenAttackScene(eye, parts.Prompts, parts.Source.Train, parts.Set, settings.Sampling, seed);
        var prompts = scene.Attacked(options.Prompts).Count;
        Func<Attacked, double[]> With(Func<Attacked, TokenSpace, double[]> run) =>
            a =>
            {
                var folder = PromptFolder.Of(a.Model, a.Path)!;
                using var tokens = new TokenSpace(a.Model, PromptFolder.EncoderOf(folder), PromptFolder.TokenizerOf(folder));
                return run(a, tokens);
            };

        if (settings.Attacks.HasFlag(ConceptAttacks.Inversion) && parts.Prompts.Asked.IsNamed)
            yield return (
                new Curve("inversion", Steps, options.InversionSteps, _options.Samples),
                With((a, tokens) => new ConceptInversion(scene, options, _options.Samples, seed).Run(a.Model, tokens, a.Progress, cancel))
            );
        if (settings.Attacks.HasFlag(ConceptAttacks.UnlearnDiffAtk))
            yield return (
                new Curve("unlearndiffatk", DrawingAttack.RoundUnit, options.PrefixRounds, prompts)
                {
                    Total = prompts * options.PrefixRounds[^1],
                },
                With((a, tokens) => new UnlearnDiffAttack(scene, options, seed).Run(a.Model, tokens, a.Progress, cancel))
            );
        if (settings.Attacks.HasFlag(ConceptAttacks.P4D))
            yield return (
                new Curve("p4d", Steps, options.FreeSteps, prompts) { Total = prompts * options.FreeSteps[^1] },
                With((a, tokens) => new PromptSearch(scene, options, seed).Run(a.Model, parts.Original, tokens, a.Progress, cancel))
            );
    }
}
