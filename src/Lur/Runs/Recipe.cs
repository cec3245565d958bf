using System.Text.Json;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>One run of a recipe: a method with every option that is not a default.</summary>
/// <param name="Label">Name in tables and of the folder.</param>
/// <param name="Method">Method.</param>
/// <param name="Options">Options by name.</param>
public sealed record RecipeRun(string Label, MethodDefinition Method, IReadOnlyDictionary<string, string> Options);

/// <summary>A sweep: every combination of the values of a few options, as runs of their own.</summary>
/// <param name="Label">First word of the labels of its runs.</param>
/// <param name="Method">Method.</param>
/// <param name="Axes">Options that vary, with their values, in the order of the file.</param>
/// <param name="Labels">Labels of the runs, the last axis fastest.</param>
public sealed record RecipeSweep(
    string Label,
    MethodDefinition Method,
    IReadOnlyList<(string Option, IReadOnlyList<string> Values)> Axes,
    IReadOnlyList<string> Labels
);

/// <summary>An experiment in a file: data, model, training, forget set, methods, seeds.</summary>
public sealed record Recipe
{
    /// <summary>Name: that of the file.</summary>
    public required string Name { get; init; }

    /// <summary>One or two sentences.</summary>
    public required string Description { get; init; }

    /// <summary>Data set.</summary>
    public required string Data { get; init; }

    /// <summary>Pixels a side that images are scaled to; null leaves them.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Architecture.</summary>
    public required string Model { get; init; }

    /// <summary>Settings of the original's training; output, data and seed are set later.</summary>
    public required TrainSettings Train { get; init; }

    /// <summary>True where the models draw images.</summary>
    public bool Draws => Train.Diffusion is not null;

    /// <summary>How the runs of models that draw are verified; the seeds are set later.</summary>
    public GenerationSettings Verification { get; init; } = new();

    /// <summary>What to forget.</summary>
    public required IReadOnlyList<string> Forget { get; init; }

    /// <summary>Seeds; each has an original model of its own.</summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>Runs, those of sweeps among them.</summary>
    public required IReadOnlyList<RecipeRun> Runs { get; init; }

    /// <summary>Sweeps; their runs are among <see cref="Runs"/>.</summary>
    public IReadOnlyList<RecipeSweep> Sweeps { get; init; } = [];

    /// <summary>The run gaps are measured against: the first of the method retrain; null without one.</summary>
    public RecipeRun? Reference => Runs.FirstOrDefault(r => r.Method.Name == Retrain.Definition.Name);

    /// <summary>Reads a recipe: a path, or a name of those that come with the program.</summary>
    /// <exception cref="UserErrorException">There is none, or it is malformed; names the field.</exception>
    public static Recipe Read(string nameOrPath)
    {
        var path = File.Exists(nameOrPath) ? nameOrPath : Path.Combine(Folder, nameOrPath + ".json");
        if (!File.Exists(path))
        {
            throw new UserErrorException(
                $"'{nameOrPath}' is no recipe: neither a file nor one of those that come with lur; "
                    + Spelling.DidYouMean(nameOrPath, Names, $"those are {string.Join(", ", Names)}.")
            );
        }

        try
        {
            using var document = JsonDocument.Parse(RegularFile.ReadAllText(path, "recipe"));
            return Parse(document.RootElement, Path.GetFileNameWithoutExtension(path));
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"The recipe '{path}' is no JSON (line {e.LineNumber + 1}); mend the file.");
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"The recipe '{path}' is malformed: {e.Message.TrimEnd('.')}.");
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"The recipe '{path}' cannot be used: {e.Message}") { IsUsage = e.IsUsage };
        }
    }

    /// <summary>Refuses labels that no run has.</summary>
    /// <exception cref="UserErrorException">Names the first, and what there is.</exception>
    public void Require(IReadOnlyList<string> labels)
    {
        if (labels.FirstOrDefault(l => Runs.All(r => r.Label != l)) is { } unknown)
            throw new UserErrorException(
                $"The recipe {Name} has no run '{unknown}'; "
                    + Spelling.DidYouMean(unknown, Runs.Select(r => r.Label), $"it has {string.Join(", ", Runs.Select(r => r.Label))}.")
            );
    }

    /// <summary>Where the recipes that come with the program lie.</summary>
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "recipes");

    /// <summary>Names of the recipes that come with the program.</summary>
    public static IReadOnlyList<string> Names =>
        Directory.Exists(Folder)
            ? [.. Directory.GetFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)]
            : [];

    private static Recipe Parse(JsonElement e, string name)
    {
        string Text(string field) =>
            e.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String
                ? value.GetString()!
                : throw new UserErrorException($"the text '{field}' is missing.");
        JsonElement.ArrayEnumerator List(string field) =>
            e.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Array
                ? value.EnumerateArray()
                : throw new UserErrorException($"the list '{field}' is missing.");
        var model = Text("model");
        var train = TrainSettings.FromJson(e.GetProperty("train"), model);
        var runs = List("methods").Select(m => Run(m, train, m.TryGetProperty("label", out var label) ? label.GetString() : null)).ToList();
        var sweeps = new List<RecipeSweep>();
        if (e.TryGetProperty("sweep", out var given))
        {
            foreach (var one in given.ValueKind == JsonValueKind.Array ? given.EnumerateArray().ToArray() : [given])
            {
                var (sweep, combinations) = Sweep(one, train);
                sweeps.Add(sweep);
                runs.AddRange(combinations);
            }
        }

        if (runs.Select(r => r.Label).Distinct(StringComparer.Ordinal).Count() != runs.Count)
            throw new UserErrorException("two runs have one label; give each its own.");
        return new Recipe
        {
            Name = name,
            Description = Text("description"),
            Data = Text("data"),
            ImageSize = e.TryGetProperty("imageSize", out var size) ? size.GetInt32() : null,
            Model = model,
            Train = train,
            Forget = [.. List("forget").Select(f => f.GetString()!)],
            Seeds = [.. List("seeds").Select(s => s.GetUInt64())],
            Runs = runs,
            Sweeps = sweeps,
            Verification = Verify(e, train),
        };
    }

    private static GenerationSettings Verify(JsonElement e, TrainSettings train) =>
        train.Diffusion is not null ? RecipeVerification.Read(e)
        : e.TryGetProperty("verify", out _)
            ? throw new UserErrorException("'verify' is for models that draw, and the model of this recipe is a classifier; leave it out.")
        : new GenerationSettings();

    private static RecipeRun Run(JsonElement e, TrainSettings train, string? label)
    {
        var method = MethodCatalog.Find(
            e.GetProperty("method").GetString()!,
            train.Diffusion is null ? MethodTask.Classification : MethodTask.Diffusion
        );
        var options = Inherited(method, train);
        if (e.TryGetProperty("options", out var given))
        {
            foreach (var option in given.EnumerateObject())
                options[option.Name] = OptionJson.TextOf(option.Value);
        }

        _ = method.Read(options);
        return new RecipeRun(label ?? method.Name, method, options);
    }

    /// <summary>Options that follow the original's training: Retrain repeats its recipe. The augmentation of the others is the
    /// model's own.</summary>
    private static Dictionary<string, string> Inherited(MethodDefinition method, TrainSettings train)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        var repeated =
            method == DiffusionRetrain.Definition ? train.Diffusion!.Texts()
            : method == Retrain.Definition ? Retrain.OptionsOf(train.Training).Texts()
            : [];
        // What training has no option for stays at its default.
        foreach (var (option, text) in repeated.Where(t => t.Option.Name is not ("nesterov" or "bn")))
            options.Add(option.Name, text);

        return options;
    }

    /// <summary>Every combination of the listed values, beside the options that stay.</summary>
    private static (RecipeSweep Sweep, List<RecipeRun> Runs) Sweep(JsonElement e, TrainSettings train)
    {
        var fixedRun = Run(e, train, e.TryGetProperty("label", out var label) ? label.GetString() : null);
        var axes = e.GetProperty("over")
            .EnumerateObject()
            .Select(p => (Option: p.Name, Values: (IReadOnlyList<string>)[.. p.Value.EnumerateArray().Select(OptionJson.TextOf)]))
            .ToArray();
        IEnumerable<Dictionary<string, string>> combinations = [new Dictionary<string, string>(fixedRun.Options, StringComparer.Ordinal)];
        foreach (var (axis, values) in axes)
        {
            combinations = combinations
                .SelectMany(c => values.Select(v => new Dictionary<string, string>(c, StringComparer.Ordinal) { [axis] = v }))
                .ToList();
        }

        RecipeRun[] runs =
        [
            .. combinations.Select(c =>
            {
                _ = fixedRun.Method.Read(c);
                return new RecipeRun(
                    string.Join(' ', axes.Select(a => $"{a.Option}={c[a.Option]}").Prepend(fixedRun.Label)),
                    fixedRun.Method,
                    c
                );
            }),
        ];
        return (new RecipeSweep(fixedRun.Label, fixedRun.Method, axes, [.. runs.Select(r => r.Label)]), [.. runs]);
    }
}
