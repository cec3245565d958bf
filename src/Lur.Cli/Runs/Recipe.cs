using System.Globalization;
using System.Text.Json;
using Lur.Unlearning;

namespace Lur.Cli.Runs;

/// <summary>One run of a recipe: a method with every option that is not a default.</summary>
/// <param name="Label">Name in tables and of the folder.</param>
/// <param name="Method">Method.</param>
/// <param name="Options">Options by name.</param>
internal sealed record RecipeRun(string Label, MethodDefinition Method, IReadOnlyDictionary<string, string> Options);

/// <summary>An experiment in a file: data, model, training, forget set, methods, seeds.</summary>
internal sealed record Recipe
{
    public required string Name { get; init; }

    public required string Description { get; init; }

    public required string Data { get; init; }

    public required string Model { get; init; }

    /// <summary>Settings of the original's training; output, data and seed are set later.</summary>
    public required TrainSettings Train { get; init; }

    public required IReadOnlyList<string> Forget { get; init; }

    public required IReadOnlyList<ulong> Seeds { get; init; }

    public required IReadOnlyList<RecipeRun> Runs { get; init; }

    /// <summary>Options that a sweep varies, in order; empty without one.</summary>
    public IReadOnlyList<string> Swept { get; init; } = [];

    /// <summary>Reads a recipe: a path, or a name of those that come with the program.</summary>
    /// <exception cref="UserErrorException">There is none, or it is malformed; names the field.</exception>
    public static Recipe Read(string nameOrPath)
    {
        var path = File.Exists(nameOrPath) ? nameOrPath : Path.Combine(Folder, nameOrPath + ".json");
        if (!File.Exists(path))
        {
            throw new UserErrorException($"'{nameOrPath}' is no recipe: neither a file nor one of those that come with lur ({string.Join(", ", Names)}).");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            return Parse(document.RootElement, Path.GetFileNameWithoutExtension(path));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"The recipe '{path}' is malformed: {e.Message.TrimEnd('.')}.");
        }
        catch (UserErrorException e)
        {
            throw new UserErrorException($"The recipe '{path}' cannot be used: {e.Message}");
        }
    }

    /// <summary>Where the recipes that come with the program lie.</summary>
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "recipes");

    /// <summary>Names of the recipes that come with the program.</summary>
    public static IReadOnlyList<string> Names =>
        Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)] : [];

    private static Recipe Parse(JsonElement e, string name)
    {
        string Text(string field) => e.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()!
            : throw new UserErrorException($"the text '{field}' is missing.");
        JsonElement.ArrayEnumerator List(string field) => e.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray()
            : throw new UserErrorException($"the list '{field}' is missing.");
        var runs = List("methods").Select(m => Run(m, m.TryGetProperty("label", out var label) ? label.GetString() : null)).ToList();
        IReadOnlyList<string> swept = [];
        if (e.TryGetProperty("sweep", out var sweep))
        {
            (swept, var combinations) = Sweep(sweep);
            runs.AddRange(combinations);
        }

        if (runs.Select(r => r.Label).Distinct(StringComparer.Ordinal).Count() != runs.Count) throw new UserErrorException("two runs have one label; give each its own.");
        var model = Text("model");
        return new Recipe
        {
            Name = name,
            Description = Text("description"),
            Data = Text("data"),
            Model = model,
            Train = TrainSettings.FromJson(e.GetProperty("train"), model),
            Forget = [.. List("forget").Select(f => f.GetString()!)],
            Seeds = [.. List("seeds").Select(s => s.GetUInt64())],
            Runs = runs,
            Swept = swept,
        };
    }

    private static RecipeRun Run(JsonElement e, string? label)
    {
        var method = MethodCatalog.Find(e.GetProperty("method").GetString()!);
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        if (e.TryGetProperty("options", out var given))
        {
            foreach (var option in given.EnumerateObject()) options.Add(option.Name, TextOf(option.Value));
        }

        _ = method.Bind(method.Read(options));
        return new RecipeRun(label ?? method.Name, method, options);
    }

    /// <summary>Every combination of the listed values, beside the options that stay.</summary>
    private static (IReadOnlyList<string> Swept, List<RecipeRun> Runs) Sweep(JsonElement e)
    {
        var fixedRun = Run(e, "sweep");
        var axes = e.GetProperty("over").EnumerateObject().Select(p => (p.Name, Values: p.Value.EnumerateArray().Select(TextOf).ToArray())).ToArray();
        IEnumerable<Dictionary<string, string>> combinations = [new Dictionary<string, string>(fixedRun.Options, StringComparer.Ordinal)];
        foreach (var (axis, values) in axes)
        {
            combinations = combinations.SelectMany(c => values.Select(v => new Dictionary<string, string>(c, StringComparer.Ordinal) { [axis] = v })).ToList();
        }

        var runs = combinations.Select(c =>
        {
            _ = fixedRun.Method.Bind(fixedRun.Method.Read(c));
            return new RecipeRun(string.Join(' ', axes.Select(a => $"{a.Name}={c[a.Name]}").Prepend(fixedRun.Method.Name)), fixedRun.Method, c);
        });
        return ([.. axes.Select(a => a.Name)], [.. runs]);
    }

    private static string TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble().ToString("R", CultureInfo.InvariantCulture),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => value.GetString()!,
    };
}
