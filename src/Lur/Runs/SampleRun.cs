using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;

namespace Lur.Runs;

/// <summary>Draws images from a diffusion model and leaves CLASS/00000.png and so on, sheet.png and sample.json. The same model, options
/// and seed give the same bytes, and an image does not depend on which others are drawn.</summary>
/// <param name="settings">What decides the run.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class SampleRun(SampleSettings settings, RunHost? host = null)
{
    /// <summary>Guidance where none is given: enough that the class is seen, little enough that images of a class differ.</summary>
    public const double UsualGuidance = 2;

    /// <summary>Images of a class at most: so many numbers each has to itself.</summary>
    public const int MostImages = 1_000_000;

    private const int NumberBits = 20;

    /// <summary>Number of the first image of a class.</summary>
    internal static ulong FirstNumber(int label) => (ulong)label << NumberBits;

    private readonly RunHost _host = host ?? new RunHost();
    private readonly List<List<byte[]>> _sheet = [];

    /// <summary>Runs to the end. An earlier run's images stay whole until this one has all of its own.</summary>
    /// <param name="cancel">Stops after the current step; nothing is left then.</param>
    /// <exception cref="UserErrorException">The model, the settings or the folder cannot be used, or a file cannot be
    /// written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SampleResult Run(CancellationToken cancel = default)
    {
        if (settings.Count is < 1 or > MostImages)
            throw new UserErrorException($"The count is {settings.Count}, expected 1 to {MostImages} images of each class.");
        SampleFolder.Check(settings.Output, settings.Overwrite, _host.Spell);
        using var device = ComputeDevice.Open(_host.Device);
        using var model = Prompted(ModelFile.Load(settings.Model, device, Precision.Float32));
        var classes = Classes(model);
        var options = Options(model);
        using var pictures = new SampledPictures(model, settings.Model);
        using var sampler = new ImageSampler(model, options) { AsDrawn = pictures.Decodes };
        if (sampler.Note is { } note)
            _host.Progress.Note(note);
        using var folder = SampleFolder.Open(settings.Output, settings.Overwrite, _host.Spell);
        folder.RequireRoom([.. classes.Select(c => c.Folder)]);
        var clock = Stopwatch.StartNew();
        Draw(sampler, pictures, classes, folder, cancel);
        clock.Stop();
        if (settings.Sheet is { } sheet)
        {
            var size = pictures.Size;
            folder.Write(SampleFolder.SheetName, stream => sheet(stream, _sheet, (size.Channels, size.Height, size.Width)));
        }

        OutputFolder.WriteJson(folder.Staged(SampleFolder.DescriptionName), w => Describe(w, model, options, classes));
        folder.Publish();
        var result = new SampleResult(settings.Output, classes, settings.Count, settings.Sheet is not null, clock.Elapsed);
        _host.Progress?.Report(new SamplingFinished(result));
        return result;
    }

    private Model Prompted(Model model)
    {
        try
        {
            if (settings.Prompts.Count == 0 && settings.Negative.Length == 0)
                return PromptBook.IsOf(model) && settings.Classes.Count == 0
                    ? throw new UserErrorException($"'{settings.Model}' draws from prompts; give {_host.Spell("prompt")}.")
                    : model;
            if (!PromptBook.IsOf(model))
                throw new UserErrorException(
                    $"'{settings.Model}' takes no prompts; leave {_host.Spell("prompt")} and {_host.Spell("negative")} out."
                );
            if (settings.Prompts.Count > 0)
                model = PromptBook.With(model, settings.Model, [.. settings.Prompts.Distinct(StringComparer.Ordinal)], _host.Progress.Warn);
            if (settings.Negative.Length > 0)
                PromptBook.SetNegative(model, settings.Model, settings.Negative, _host.Progress.Warn);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private SamplingOptions Options(Model model)
    {
        var given = settings.Sampling;
        var guided = model.Spec is UNetSpec { NullRow: true };
        return given with { Guidance = given.Guidance ?? (guided ? UsualGuidance : null) };
    }

    private List<SampledClass> Classes(Model model)
    {
        if (model.Spec is UNetSpec { Condition: ClassCondition.None })
            return settings.Classes.Count == 0
                ? [new SampledClass("images", null, "images", 0)]
                : throw new UserErrorException($"'{settings.Model}' was trained without classes; leave {_host.Spell("class")} out.");
        var names = model.ClassNames;
        int[] labels =
            settings.Classes.Count == 0
                ? [.. Sequences.Range(0, names.Count)]
                : [.. settings.Classes.SelectMany(c => ForgetSpecification.ClassesOf($"{_host.Spell("class")} {c}", c, names)).Distinct()];
        // An image has a number of its own among those of all classes, whichever are drawn.
        return [.. labels.Select(c => new SampledClass(names[c], c, SampleFolder.NameOf(names, c), FirstNumber(c)))];
    }

    private void Draw(
        ImageSampler sampler,
        SampledPictures pictures,
        List<SampledClass> classes,
        SampleFolder folder,
        CancellationToken cancel
    )
    {
        var size = pictures.Size;
        var each = (long)settings.Count * sampler.Steps;
        using var stage = _host.Progress.Stage("sample", each * classes.Count, "steps of images");
        for (var c = 0; c < classes.Count; c++)
        {
            var (row, done, current) = (new List<byte[]>(), c * each, classes[c]);
            _sheet.Add(row);
            sampler.Sample(
                current.Label,
                settings.Count,
                (k, image) =>
                {
                    var chw = pictures.Of(image);
                    if (row.Count < settings.SheetColumns)
                        row.Add(chw);
                    folder.Write(
                        Path.Combine(current.Folder, k.ToString("D5", CultureInfo.InvariantCulture) + ".png"),
                        stream => PngEncoder.Write(stream, size.Width, size.Height, size.Channels, Interleaved(chw, size.Channels))
                    );
                },
                current.FirstNumber,
                n => stage.Report(done + n),
                cancel
            );
        }
    }

    private static byte[] Interleaved(byte[] chw, int channels)
    {
        var (pixels, hwc) = (chw.Length / channels, new byte[chw.Length]);
        for (var i = 0; i < chw.Length; i++)
            hwc[(i % pixels * channels) + (i / pixels)] = chw[i];
        return hwc;
    }

    private void Describe(Utf8JsonWriter w, Model model, SamplingOptions options, List<SampledClass> classes)
    {
        w.WriteNumber("schema", 1);
        w.WriteString("command", "sample");
        w.WriteString("version", OutputFolder.Version);
        w.WriteString("model", settings.Model);
        w.WriteString("modelSha256", RunFolder.Sha256Of(settings.Model));
        w.WriteString("architecture", model.Architecture);
        w.WriteString("device", model.Device.Properties.Name);
        w.WriteString("sampler", options.Sampler.Name());
        w.WriteNumber("steps", options.Steps);
        w.WriteNumber("eta", options.Eta);
        if (options.Guidance is { } guidance)
            w.WriteNumber("guidance", guidance);
        else
            w.WriteNull("guidance");
        w.WriteNumber("seed", options.Seed);
        w.WriteNumber("count", settings.Count);
        w.WriteStartArray("classes");
        foreach (var c in classes)
        {
            w.WriteStartObject();
            w.WriteString("name", c.Name);
            if (c.Label is { } label)
                w.WriteNumber("label", label);
            w.WriteString("folder", c.Folder);
            w.WriteNumber("firstNumber", c.FirstNumber);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }
}
