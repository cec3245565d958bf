using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Text;

namespace Lur.Runs;

/// <summary>Which data a run is about.</summary>
/// <param name="Location">As <see cref="DataSource.Open"/> takes it, or <see cref="LatentSettings.Drawn"/>.</param>
/// <param name="Model">Path of the original model; to plan, also a pipeline folder.</param>
/// <param name="Latents">What is drawn, and how pictures become latents.</param>
/// <param name="Options">How the data are read.</param>
internal sealed record RunDataRequest(string Location, string Model, LatentSettings Latents, DataOptions Options)
{
    /// <summary>True to plan: nothing is encoded or drawn, and nothing can be read.</summary>
    public bool ToPlan { get; init; }
}

/// <summary>The data of a run as its model takes them: as they lie there, as latents of the autoencoder in the model's pipeline, or drawn
/// by the original model.</summary>
internal sealed class RunData : IDisposable
{
    private const int MostSaid = 5;
    private readonly List<IDisposable> _held = [];
    private readonly ComputeDevice _device;
    private readonly NumbersCache _cache;
    private NumbersCache? _rows;
    private Action<string>? _cut;
    private bool _toPlan;

    private RunData(ComputeDevice device, NumbersCache cache) => (_device, _cache) = (device, cache);

    /// <summary>The data.</summary>
    public DataSource Source { get; private set; } = null!;

    /// <summary>What its samples are where they are latents; null for pixels.</summary>
    public LatentSpace? Space { get; private set; }

    /// <summary>The test part as pictures.</summary>
    public IImageDataset TestPictures { get; private set; } = null!;

    /// <summary>Files of the cache that hold the samples, which are made from the pictures.</summary>
    public IReadOnlyList<string> CacheEntries => _cache.Used;

    /// <summary>The same samples as pictures, in which copies can be found; null where some were drawn.</summary>
    public DataSource? Pictures { get; private set; }

    /// <summary>Opens them.</summary>
    /// <param name="request">Which.</param>
    /// <param name="device">Device that encodes and draws.</param>
    /// <param name="host">Whom it tells.</param>
    /// <param name="cancel">Stops between pictures.</param>
    /// <exception cref="UserErrorException">The data or the model cannot be read, or do not go together.</exception>
    public static RunData Open(RunDataRequest request, ComputeDevice device, RunHost host, CancellationToken cancel)
    {
        var cache = request.Latents.Cache(host.Progress.Note);
        if (LatentModel.Of(request.Model) is { } model)
            return Made(new RunData(device, cache), data => data.OpenMade(request, model, host, cancel));
        if (request.Location == LatentSettings.Drawn || request.Latents.Prompts.Count > 0)
            throw new UserErrorException(
                $"'{request.Model}' is not told prompts, so that it can draw no data for some; give the data it was trained on."
            );
        return Made(new RunData(device, cache), data => data.OpenAsTheyLie(request, host));
    }

    /// <summary>Reads a model that takes the data; see <see cref="DataAndModel.Load"/>.</summary>
    public Model Load(string path, WeightMemory? memory = null, Func<string, bool>? trained = null) =>
        Described(DataAndModel.LoadWith(_rows, _cut, path, _device, Source, memory: memory, trained: trained));

    /// <summary>A model of a pipeline folder whose weights nobody will read.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="trained">Which weights are trained, by name; null: all.</param>
    public Model Planned(string folder, Func<string, bool>? trained)
    {
        var spec = LatentModel.UNetSpecOf(folder);
        var tokenizer = Path.Combine(folder, PipelineFolder.Tokenizer);
        spec = spec with
        {
            ContextLength = Directory.Exists(tokenizer) ? ClipTokenizer.Open(tokenizer).Length : UNetSpec.UsualContextLength,
        };
        var network = spec.Build();
        if (trained is not null)
            network.TrainOnly(trained);
        var packing = DiffusersFolder.FrozenPackingOf(folder, spec, network);
        var model = new Model(_device, Precision.Float32, spec, network, [], spec.OwnNormalization!, packing: packing)
        {
            Augmentation = Augmentation.None,
        };
        return Described(WithPrompts(model, Source.Train.ClassNames));
    }

    /// <summary>A model that knows further prompts; see <see cref="PromptBook.Extend"/>.</summary>
    public Model Extend(Model model, string path, IReadOnlyList<string> prompts) =>
        _toPlan
            ? WithPrompts(model, [.. model.ClassNames, .. prompts.Except(model.ClassNames, StringComparer.Ordinal)])
            : PromptBook.Extend(model, path, prompts, _cut, _rows);

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var i = _held.Count - 1; i >= 0; i--)
            _held[i].Dispose();
        Source?.Dispose();
    }

    // Rows of zeros have the size of others.
    private static Model WithPrompts(Model model, IReadOnlyList<string> prompts)
    {
        var spec = (UNetSpec)model.Spec;
        return model.WithPrompts(prompts, new double[(prompts.Count + 1) * spec.ContextLength * spec.ContextWidth]);
    }

    private Model Described(Model model)
    {
        model.Latents = Space;
        return model;
    }

    private static RunData Made(RunData data, Action<RunData> open)
    {
        try
        {
            open(data);
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private void OpenAsTheyLie(RunDataRequest request, RunHost host)
    {
        Source = DataAndModel.OpenData(request.Location, request.Model, request.Options, host.Progress);
        (TestPictures, Pictures) = (Source.Test, Source);
    }

    private void OpenMade(RunDataRequest request, LatentModel model, RunHost host, CancellationToken cancel)
    {
        var (settings, pictures) = (request.Latents, default(LatentPictures));
        _toPlan = request.ToPlan && ImportedModels.IsFolder(request.Model);
        if (model.Autoencoder is { } folder)
        {
            pictures = request.ToPlan ? null : Own(SampledPictures.Open(folder, _device, model.Input));
            Space = new LatentSpace(model.Pictures, pictures is null ? null : latents => pictures.Decode(latents));
        }

        var drawnAlone = request.Location == LatentSettings.Drawn;
        if (!drawnAlone && model.Autoencoder is null && settings.Prompts.Count == 0)
        {
            OpenAsTheyLie(request, host);
            return;
        }

        TellOfPrompts(request, host);
        var given = drawnAlone ? null : Own(OpenPictures(request, model, host));
        Put(given, request, model, pictures, host, cancel);
    }

    private void TellOfPrompts(RunDataRequest request, RunHost host)
    {
        // Said of samples, and not of every reading of a model.
        _rows = request.Latents.Cache(null);
        var said = new HashSet<string>(StringComparer.Ordinal);
        _cut = sentence =>
        {
            // Once for each prompt, and of many the first ones.
            if (said.Count < MostSaid && said.Add(sentence))
                host.Progress.Warn(sentence);
        };
    }

    // Pictures that were given and samples that are drawn, as one data set.
    private void Put(
        DataSource? given,
        RunDataRequest request,
        LatentModel model,
        LatentPictures? pictures,
        RunHost host,
        CancellationToken cancel
    )
    {
        var settings = request.Latents;
        var drawing = new DrawnData(request, model, _cache, host);
        var captions = given is null ? drawing.Prompts : [.. given.Train.ClassNames.Union(drawing.Prompts, StringComparer.Ordinal)];
        var build = new LatentEncoding(model, pictures, settings, _cache, host, request.ToPlan);
        var made = (given is null ? "" : build.Description) + drawing.Description;
        IImageDataset Set(bool test)
        {
            var parts = new List<HeldPart>();
            if (given is not null)
                parts.Add(build.Part(test ? given.Test : given.Train, test, cancel));
            if (drawing.Prompts.Count > 0)
                parts.Add(drawing.Part(_device, captions, test, FirstNumber(given, drawing, test), cancel));
            var size = (model.Input.Channels, model.Input.Height, model.Input.Width);
            return new HeldSamples(given?.Train.Name ?? LatentSettings.Drawn, captions, size, Space is not null, made, parts);
        }

        var (train, test) = (Set(false), Set(true));
        Source = new DataSource(given?.Format ?? LatentSettings.Drawn, train, test, given?.TestOrigin ?? "drawn, too", train, test)
        {
            HoldsOutTest = given?.HoldsOutTest ?? false,
            PictureFolder = given?.PictureFolder,
        };
        Pictures = drawing.Prompts.Count == 0 ? given : null;
        // Of drawn samples there are pictures where somebody decodes them.
        TestPictures =
            Space is null ? Source.Test
            : given is not null && drawing.Prompts.Count == 0 ? given.Test
            : new DecodedPictures(Source.Test, Space);
    }

    // Numbers of drawn samples come after those of pictures: both parts together where the test is held out.
    private static int FirstNumber(DataSource? given, DrawnData drawing, bool test) =>
        given is null ? 0
        : !given.HoldsOutTest ? (test ? given.Test : given.Train).Count
        : given.Train.Count + given.Test.Count + (test ? drawing.Prompts.Count * drawing.Images(false) : 0);

    private static DataSource OpenPictures(RunDataRequest request, LatentModel model, RunHost host)
    {
        var size = model.Pictures;
        if (request.Options.ImageSize is { } asked && (asked, asked) != (size.Height, size.Width))
            throw new UserErrorException(
                $"Pictures of {asked} x {asked} were asked for, and the model takes {size.Width} x {size.Height}; leave the size out, or "
                    + "import the model with another."
            );
        var options = request.Options with { ImageSize = null, ModelSize = (size.Height, size.Width) };
        var source = DataAndModel.OpenData(request.Location, options, host.Progress);
        var (train, channels) = (source.Train, source.Train.Channels);
        if ((train.Height, train.Width) == (size.Height, size.Width) && (channels == 1 || channels == size.Channels))
        {
            source.RequireTest();
            return source;
        }

        source.Dispose();
        throw new UserErrorException(
            $"The pictures of '{request.Location}' are {channels} x {train.Height} x {train.Width} (channels, rows, columns), and the "
                + $"model takes {size}; give others."
        );
    }

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _held.Add(resource);
        return resource;
    }
}
