using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Runs;

/// <summary>Opening a data set and a model that belong together.</summary>
public static class DataAndModel
{
    /// <summary>What a model file without metadata takes from its data set.</summary>
    public static ModelDefaults Defaults(DataSource source) =>
        new(
            source.Train.Height,
            source.Train.Width,
            source.Train.ClassNames,
            new Lazy<InputNormalization>(() =>
            {
                var statistics = ChannelStatistics.Of(source.Train);
                return new InputNormalization(statistics.Mean, statistics.StandardDeviation);
            }),
            AugmentationOf(source)
        );

    /// <summary>What <see cref="Augmentation.Auto"/> is for a data set: IDX files are mostly digits and letters, which are not
    /// mirrored, and what captions say is in its place.</summary>
    public static Augmentation AugmentationOf(DataSource source) =>
        source.Format switch
        {
            "idx" => Augmentation.CropOnly,
            // A caption says what is left and what is right.
            "captions" or CaptionedFolder.Format => Augmentation.None,
            _ => Augmentation.CropAndFlip,
        };

    /// <summary>Opens the data set that a model is used with: images of a folder are scaled to the size that the model takes, unless
    /// the options give another.</summary>
    /// <param name="location">Data set, as <see cref="DataSource.Open"/> takes it.</param>
    /// <param name="model">Path of the model.</param>
    /// <param name="options">How the data are read.</param>
    /// <param name="progress">Hears the warnings.</param>
    /// <param name="test">False where the test part is not used.</param>
    /// <exception cref="UserErrorException">The data or the head of the model's file cannot be read, or there is nothing to test
    /// with.</exception>
    public static DataSource OpenData(
        string location,
        string model,
        DataOptions options,
        IProgress<RunEvent>? progress = null,
        bool test = true
    )
    {
        RunFolder.RequireModelFile(model);
        var size = options.ImageSize is null ? ModelFile.InputSizeOf(model) : null;
        var source = OpenData(location, size is { } s ? options with { ModelSize = (s.Height, s.Width) } : options, progress);
        try
        {
            if (test)
                source.RequireTest();
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Opens a data set and passes its warnings on.</summary>
    /// <param name="location">Data set, as <see cref="DataSource.Open"/> takes it.</param>
    /// <param name="options">How the data are read.</param>
    /// <param name="progress">Hears the warnings.</param>
    /// <exception cref="UserErrorException">The data cannot be read.</exception>
    public static DataSource OpenData(string location, DataOptions options, IProgress<RunEvent>? progress)
    {
        var source = DataSource.Open(location, options);
        foreach (var warning in source.Warnings)
            progress.Warn(warning);
        return source;
    }

    /// <summary>Reads a model and checks that it takes the images of a data set.</summary>
    /// <param name="path">safetensors file.</param>
    /// <param name="device">Device to hold the model.</param>
    /// <param name="source">Data set.</param>
    /// <param name="precision">Element type on the device.</param>
    /// <param name="normalization">Input normalisation of a model without metadata; null for that of the data set.</param>
    /// <param name="memory">Memory of a program for the weights; null for memory of the model's own.</param>
    /// <param name="trained">Which weights are trained, by name; null: all.</param>
    /// <exception cref="UserErrorException">There is no such model, it does not fit the data, or it has a normalisation of its
    /// own.</exception>
    public static Model Load(
        string path,
        ComputeDevice device,
        DataSource source,
        Precision precision = Precision.Float32,
        InputNormalization? normalization = null,
        WeightMemory? memory = null,
        Func<string, bool>? trained = null
    ) => LoadWith(null, null, path, device, source, precision, normalization, memory, trained);

    /// <summary>The same with a cache of the rows of prompts, null for none, and with what hears of prompts that are cut off, null to
    /// refuse them.</summary>
    internal static Model LoadWith(
        NumbersCache? rows,
        Action<string>? cut,
        string path,
        ComputeDevice device,
        DataSource source,
        Precision precision = Precision.Float32,
        InputNormalization? normalization = null,
        WeightMemory? memory = null,
        Func<string, bool>? trained = null
    )
    {
        var channels = source.Train.Channels;
        if (normalization is not null && (normalization.Mean.Count != channels || normalization.Std.Count != channels))
            throw new UserErrorException(
                $"{normalization.Mean.Count} means and {normalization.Std.Count} deviations were given, but the images of "
                    + $"{source.Train.Name} "
                    + $"have {channels} channel{(channels == 1 ? "" : "s")}; give one of each a channel."
            );
        var defaults = Defaults(source);
        var model = ModelFile.Load(
            path,
            device,
            precision,
            normalization is null ? defaults : defaults with { Normalization = new Lazy<InputNormalization>(normalization) },
            memory,
            trained
        );
        try
        {
            Require(model, path, source);
            // The prompts of the data are what it is asked for, whichever it was saved with.
            if (PromptBook.IsOf(model))
                model = PromptBook.With(model, path, source.Train.ClassNames, cut, rows);
            if (source.Train.IsReal)
                TakeLatents(model);
            MatchClasses(model, path, source);
            var (mean, deviation) = (model.Normalization.Mean, model.Normalization.Std);
            if (normalization is not null && !(mean.SequenceEqual(normalization.Mean) && deviation.SequenceEqual(normalization.Std)))
                throw new UserErrorException(
                    $"'{path}' is a model of Lur, which says itself how pixels are normalised; leave mean and deviation out."
                );
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // Pictures mirrored would have other latents than these mirrored.
    private static void TakeLatents(Model model)
    {
        model.Latents ??= new LatentSpace(model.Spec.Input);
        model.Augmentation = Augmentation.None;
    }

    /// <summary>Brings the classes of model and data into one order, by name: the data take that of the first model, and further
    /// models are put into the data's.</summary>
    private static void MatchClasses(Model model, string path, DataSource source)
    {
        if (model.Spec.Classes == 0)
            return;
        try
        {
            var order = ClassOrder.Match(model.ClassNames, source.Train.ClassNames);
            if (!source.HasModelOrder)
                source.TakeClassOrder(order);
            else if (order is not null)
                model.ReorderOutputs(ClassOrder.Inverse(order));
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException(
                $"'{path}' and {source.Train.Name} have different classes: {e.Message}; give the data it was trained on, or "
                    + $"rename the class."
            );
        }
    }

    private static void Require(Model model, string path, DataSource source)
    {
        var (network, data) = (model.Network, source.Train);
        if ((network.Channels, network.Height, network.Width) != (data.Channels, data.Height, data.Width))
        {
            throw new UserErrorException(
                $"'{path}' takes images of {network.Channels} x {network.Height} x {network.Width} (channels, height, width), "
                    + $"but those of {data.Name} are {data.Channels} x {data.Height} x {data.Width}; give the data it was trained on."
            );
        }

        if (model.Spec.Classes > 0 && model.Spec.Classes != data.ClassNames.Count && !PromptBook.IsOf(model))
        {
            var difference =
                ClassOrder.AreNumbers(model.ClassNames) || ClassOrder.AreNumbers(data.ClassNames)
                    ? ""
                    : $": {ClassOrder.Difference(model.ClassNames, data.ClassNames)}";
            throw new UserErrorException(
                $"'{path}' has {model.Spec.Classes} classes, but {data.Name} has {data.ClassNames.Count}{difference}; give the data "
                    + $"it was trained on."
            );
        }
    }

    /// <summary>Refuses an output folder inside an image folder: the next reading would take it for a class.</summary>
    /// <exception cref="UserErrorException">It lies in there.</exception>
    internal static void RequireOutside(string output, string data, DataSource source, Func<string, string> spell)
    {
        if (source.Format is "folder" or CaptionedFolder.Format && Directory.Exists(data) && RealPath.IsIn(output, data))
        {
            throw new UserErrorException(
                $"The output folder '{output}' lies in the data set '{data}', where it would be taken for a class; choose another with "
                    + $"{spell("output")}."
            );
        }
    }

    // The text is an option's here, not a file's.
    private static ModelSpec SpecOf(string architecture, IImageDataset data)
    {
        try
        {
            return ModelFamilies.Parse(architecture, new ImageSize(data.Height, data.Width, data.Channels), data.ClassNames.Count);
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException(e.Message, e) { IsUsage = true };
        }
    }

    /// <summary>Path of the split a model was trained with: the one given, else the one beside the model, else null.</summary>
    public static string? SplitPath(string model, string? given)
    {
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(model)) ?? ".", "split.json");
        return given ?? (File.Exists(beside) ? beside : null);
    }

    /// <summary>A new model with initial weights for a data set.</summary>
    public static Model Create(
        string architecture,
        ComputeDevice device,
        DataSource source,
        ulong seed,
        WeightInitialization scheme = WeightInitialization.TorchDefault,
        Precision precision = Precision.Float32
    )
    {
        var data = source.Train;
        var spec = SpecOf(architecture, data);
        if (spec is UNetSpec { Condition: ClassCondition.Prompt } prompted)
            spec = PromptTraining.SpecOf(prompted, data);
        var defaults = Defaults(source);
        var classes = spec.Classes == 0 ? [] : defaults.ClassNames;
        var model = new Model(device, precision, spec, classes, spec.OwnNormalization ?? defaults.Normalization.Value)
        {
            Augmentation = spec.Suited(defaults.Augmentation),
        };
        model.Initialize(seed, scheme);
        if (PromptBook.IsOf(model))
            PromptTraining.Tell(model);
        return model;
    }
}
