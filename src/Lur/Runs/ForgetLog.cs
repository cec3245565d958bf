using System.Globalization;
using System.Text;
using Lur.Steps;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>log.csv of a forgetting run: a line for each step.</summary>
internal sealed class ForgetLog
{
    /// <summary>First line.</summary>
    internal const string Header =
        "step,epoch,retain_loss,forget_loss,forget_accuracy,retain_gradient,forget_gradient,cosine,second_order_share,"
        + "parameter_norm,look_ahead_norm,skipped,forget_loss_at_theta\n";
    private readonly StringBuilder _text = new(Header);

    /// <summary>Adds a step.</summary>
    public void Add(UnlearningMethod method, long index, StepTelemetry t)
    {
        static string N(double v) => double.IsNaN(v) ? "" : v.ToString("R", CultureInfo.InvariantCulture);
        var epoch = method.EpochOf(index) + 1;
        _text
            .Append(
                string.Join(
                    ',',
                    (index + 1).ToString(CultureInfo.InvariantCulture),
                    epoch.ToString(CultureInfo.InvariantCulture),
                    N(t.RetainLoss),
                    N(t.ForgetLoss),
                    N(t.ForgetAccuracy),
                    N(t.RetainGradientNorm),
                    N(t.ForgetGradientNorm),
                    N(t.Cosine),
                    N(t.SecondOrderShare),
                    N(t.ParameterNorm),
                    N(t.LookAheadNorm),
                    t.Skipped ? "1" : "0",
                    N(t.ForgetLossAtTheta)
                )
            )
            .Append('\n');
    }

    /// <summary>The lines so far.</summary>
    public string Text => _text.ToString();

    /// <summary>Takes the log of the run that made the same model, or the first steps, before.</summary>
    public void Take(string text) => _text.Clear().Append(text);

    /// <summary>Writes the file.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, _text.ToString());
}
