using System.Globalization;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Training;

namespace Lur.Runs;

/// <summary>Sheets of images that a model draws while it is trained: of the same starts every time, so that progress is seen, and of those
/// that 'lur sample' begins with. Training does not notice: a sheet reads the weights, the averaged ones where there are any, and draws
/// no number of training's.</summary>
internal sealed class TrainSheets : IDisposable
{
    /// <summary>Images of each class on a sheet.</summary>
    internal const int Columns = 8;

    private const int MostRows = 24;

    // Half of what 'lur sample' takes: shapes are told as well, in half the time.
    private const int Steps = 25;
    private readonly TrainSettings _settings;
    private readonly Model _model;
    private readonly ImageSampler _sampler;
    private readonly Trainer _trainer;
    private Func<string, string>? _at;

    private TrainSheets(TrainSettings settings, Model model, Trainer trainer)
    {
        (_settings, _model, _trainer) = (settings, model, trainer);
        var guidance = model.Spec is UNetSpec { NullRow: true } ? SampleRun.UsualGuidance : default(double?);
        _sampler = new ImageSampler(
            model,
            new SamplingOptions { Steps = Math.Min(Steps, DiffusionNoise.Of(model).Schedule.Count), Guidance = guidance }
        );
    }

    /// <summary>Plans the drawing; null where no sheets are asked for.</summary>
    /// <exception cref="UserErrorException">The model draws nothing.</exception>
    public static TrainSheets? Of(TrainSettings settings, Model model, Trainer trainer, Func<string, string> spell)
    {
        if (settings.SheetEvery == 0 || settings.Sheet is null)
            return null;
        return settings.Diffusion is not null
            ? new TrainSheets(settings, model, trainer)
            : throw new UserErrorException(
                $"{model.Architecture} tells classes apart and draws no sheets; leave {spell("sheet-every")} out."
            );
    }

    /// <summary>Says where sheets are written.</summary>
    public void Begin(OutputFolder output) => _at = output.Sheet;

    /// <summary>Draws the sheet of the step that was made last, where one is due and not there yet.</summary>
    /// <param name="cancel">Stops between steps of the sampler; a resumed run draws it then.</param>
    public void DrawIfDue(CancellationToken cancel)
    {
        var step = _trainer.Step;
        if (_at is null || step == 0 || (step % _settings.SheetEvery != 0 && step != _trainer.Steps))
            return;
        var path = _at(string.Create(CultureInfo.InvariantCulture, $"{step:D7}"));
        if (File.Exists(path))
            return;
        using var averaged = _trainer.Averaged();
        var (input, rows) = (_model.Spec.Input, new List<List<byte[]>>());
        int?[] labels = _model.Spec is UNetSpec { Condition: ClassCondition.None } ? [null] : [.. Spread(_model.ClassNames.Count)];
        foreach (var label in labels)
        {
            var row = new List<byte[]>();
            rows.Add(row);
            _sampler.Sample(
                label,
                Columns,
                (_, image) => row.Add(ImageSampler.ToBytes(image)),
                SampleRun.FirstNumber(label ?? 0),
                null,
                cancel
            );
        }

        AtomicFile.Write(path, stream => _settings.Sheet!(stream, rows, (_model.Outputs, input.Height, input.Width)));
    }

    // Of many captions some, evenly spaced.
    private static IEnumerable<int?> Spread(int classes) =>
        Sequences.Range(0, Math.Min(classes, MostRows)).Select(i => (int?)((long)i * classes / Math.Min(classes, MostRows)));

    /// <inheritdoc/>
    public void Dispose() => _sampler.Dispose();
}
