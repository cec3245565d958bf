using System.Globalization;
using Lur.Steps;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>What a forgetting run says when it goes wrong: the finding, and which options of the method would help.</summary>
/// <param name="method">The method with its options.</param>
/// <param name="spell">How an option is named.</param>
internal sealed class ForgetAdvice(BoundMethod method, Func<string, string> spell)
{
    /// <summary>The loss was not finite for too long.</summary>
    public UserErrorException Diverged(int skipped, long step) =>
        new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"The loss or a gradient was not finite for {skipped} steps in a row (step {step}): "
                    + $"unlearning diverged; lower {spell("lr")}{Alternatives()}."
            )
        )
        {
            IsDivergence = true,
        };

    /// <summary>The look-ahead goes far.</summary>
    public string LongLookAhead(StepTelemetry t, long step) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"the look-ahead step |alpha g| = {t.LookAheadNorm:G3} exceeds 1 % of |theta| = "
                + $"{t.ParameterNorm:G3} at step {step}; consider a smaller {spell("alpha")} or {spell("look-ahead-cap")} 0.01."
        );

    /// <summary>What is wrong with the outcome; empty where nothing is.</summary>
    public IEnumerable<string> On(Assessment original, Assessment unlearned)
    {
        var (before, after) = (original.Metrics, unlearned.Metrics);
        if (original.Earlier is { } was && unlearned.Earlier is { } now && now.Accuracy > was.Accuracy + 5)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"what earlier requests made the model forget comes back: accuracy on their {now.Count} samples went from "
                    + $"{was.Accuracy:F2} % to {now.Accuracy:F2} %; have them forgotten again, by naming only them with {spell("forget")}."
            );
        }

        var moved = after.UnlearningAccuracy - before.UnlearningAccuracy;
        if (Math.Abs(moved) < 0.5 && before.UnlearningAccuracy < 99)
        {
            var lambda = method.Has("lambda") ? spell("lambda") + ", " : "";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"forgetting did not move: UA went from {before.UnlearningAccuracy:F2} % to {after.UnlearningAccuracy:F2} "
                    + $"%; {Remedy($"raise {lambda}{spell("lr")} or {spell("epochs")}")}."
            );
        }

        if (after.RetainAccuracy < before.RetainAccuracy - 10)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"retain accuracy collapsed from {before.RetainAccuracy:F2} % to {after.RetainAccuracy:F2} %; "
                    + $"{Remedy($"lower {spell("lr")}{Alternatives()}, or give more {spell("epochs")}")}."
            );
        }
    }

    /// <summary>What is wrong with the outcome of a diffusion model; empty where nothing is.</summary>
    public IEnumerable<string> On(DenoisingOutcome outcome)
    {
        var (before, after) = (outcome.Original, outcome.Unlearned);
        if (!(DenoisingOutcome.Change(before.Forget, after.Forget).Interval.Low > 0) && before.Forget.Losses.Length > 1)
        {
            // In SA it holds the weights.
            var lambda = method.Has("lambda") && method.Definition != SelectiveAmnesia.Definition ? spell("lambda") + ", " : "";
            var lengthen = method.Has("steps") ? spell("steps") : spell("epochs");
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"forgetting did not move: the denoising loss of the forget set went from {before.Forget.Mean:0.####} to "
                    + $"{after.Forget.Mean:0.####}; raise {lambda}{spell("lr")} or {lengthen}."
            );
        }

        if (after.Retain.Mean > (1.25 * before.Retain.Mean) + 0.001)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"the images that are kept are denoised worse: the loss on them went from {before.Retain.Mean:0.####} to "
                    + $"{after.Retain.Mean:0.####}; lower {spell("lr")}{Alternatives()}."
            );
        }
    }

    /// <summary>A remedy of training; methods of one shot have a strength instead.</summary>
    private string Remedy(string training) => method.Has("lr") ? training : $"try another {spell("alpha")}";

    /// <summary>Remedies beside the learning rate that the method offers; a loss that is bounded already is none.</summary>
    private string Alternatives()
    {
        var loss = method.Options.Texts().FirstOrDefault(o => o.Option.Name == "forget-loss");
        return (method.Has("lambda") ? $" or {spell("lambda")}" : "")
            + (
                loss.Option is { } option && loss.Text == option.Default && option.Choices.Contains("bounded")
                    ? $", use {spell("forget-loss")} bounded"
                    : ""
            );
    }
}
