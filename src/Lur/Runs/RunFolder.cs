using System.Text.Json;
using Lur.Checkpoints;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>What a forgetting run left in its folder, as far as reports need it.</summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>Name of the stage of the steps; the other stages that count are preparations.</summary>
    public const string RepairStage = "repair";

    private readonly JsonDocument _result,
        _config;
    private readonly JsonDocument? _verification;

    private RunFolder(string path, JsonDocument result, JsonDocument config, JsonDocument? verification, RunLog? log) =>
        (Path, _result, _config, _verification, Log) = (path, result, config, verification, log);

    /// <summary>The folder as it was given.</summary>
    public string Path { get; }

    /// <summary>result.json.</summary>
    public JsonElement Result => _result.RootElement;

    /// <summary>verify.json, which 'lur verify' adds; result.json where there is none.</summary>
    public JsonElement Verification => (_verification ?? _result).RootElement;

    /// <summary>config.json.</summary>
    public JsonElement Config => _config.RootElement;

    /// <summary>log.csv; null where the folder has none.</summary>
    public RunLog? Log { get; }

    /// <summary>True for a run on a model that draws images.</summary>
    public bool Draws =>
        Result.Find("changes") is not null || Verification.Text("kind") is GenerationVerifyFiles.Kind or ConceptVerifyFiles.Kind;

    /// <summary>Name of the method on the command line.</summary>
    public string Method => Result.Text("method");

    /// <summary>Title of the method; its name where this version does not know it.</summary>
    public string MethodTitle => MethodCatalog.All.FirstOrDefault(m => m.Name == Method)?.Title ?? Method;

    /// <summary>What was to be forgotten, as it was given.</summary>
    public string Forget =>
        Config.Find("forget") is { ValueKind: JsonValueKind.Array } list
            ? string.Join(", ", list.EnumerateArray().Select(e => e.ToString()))
            : "a set of samples";

    /// <summary>True for a stage that the run-time efficiency counts; false for the evaluations around a run.</summary>
    public static bool IsCounted(string stage) => !stage.StartsWith("evaluate", StringComparison.Ordinal);

    /// <summary>Stages in their order with their time; the evaluations around a run do not count for its run-time efficiency.</summary>
    public IReadOnlyList<(string Name, double Seconds, bool Counted)> Stages =>
        Result.Find("seconds") is { ValueKind: JsonValueKind.Object } stages
            ? [.. stages.EnumerateObject().Select(s => (s.Name, JsonReading.Value(s.Value), IsCounted(s.Name)))]
            : [];

    /// <summary>Preparations and steps: what an unlearned model costs, without the evaluations around it. NaN where it is
    /// missing.</summary>
    public double Seconds => Stages.Count == 0 ? double.NaN : Stages.Where(s => s.Counted).Sum(s => s.Seconds);

    /// <summary>The preparations alone: trims, masks, Fisher passes. NaN where it is missing.</summary>
    public double PreparationSeconds =>
        Stages.Count == 0 ? double.NaN : Stages.Where(s => s.Counted && s.Name != RepairStage).Sum(s => s.Seconds);

    /// <summary>Classes in the order of their numbers, with test accuracy before and after in percent.</summary>
    public IReadOnlyList<(string Name, double Original, double Unlearned)> Classes =>
        [
            .. Result
                .Find("unlearned", "perClassTestAccuracy")
                ?.EnumerateObject()
                .Select(p =>
                    (p.Name, Result.Find("original", "perClassTestAccuracy")?.Number(p.Name) ?? double.NaN, JsonReading.Value(p.Value))
                )
                ?? [],
        ];

    /// <summary>Names of the classes that were forgotten whole.</summary>
    public IReadOnlySet<string> ForgottenClasses =>
        Result.Find("forgottenClasses")?.EnumerateArray().Select(e => e.GetString() ?? "").ToHashSet(StringComparer.Ordinal) ?? [];

    /// <summary>Those of them that this run's request names; all of them where the run did not record it.</summary>
    public IReadOnlySet<string> RequestedClasses =>
        Result.Find("requestedClasses") is { } requested
            ? requested.EnumerateArray().Select(e => e.GetString() ?? "").ToHashSet(StringComparer.Ordinal)
            : ForgottenClasses;

    /// <summary>Reads a folder.</summary>
    /// <exception cref="UserErrorException">It is not the folder of a finished forgetting run, or a file is damaged.</exception>
    public static RunFolder Open(string path)
    {
        if (!Directory.Exists(path))
            throw new UserErrorException($"'{path}' is not a folder; give the folder of a run of 'lur forget'.");
        JsonDocument? result = null,
            config = null,
            verification = null;
        try
        {
            result = ReadJson(System.IO.Path.Combine(path, "result.json"));
            config = ReadJson(System.IO.Path.Combine(path, "config.json"));
            if (result.RootElement.Text("command") is not "forget" and var command)
            {
                const string hint =
                    " (retrained: --method retrain; a model of 'lur train --forget' is a reference for 'lur verify RUN --reference')";
                throw new UserErrorException(
                    $"'{path}' holds a run of 'lur {command}'; give the folder of one of 'lur forget'{(command == "train" ? hint : "")}."
                );
            }

            RequireModel(path, result.RootElement);
            var log = System.IO.Path.Combine(path, "log.csv");
            var verify = System.IO.Path.Combine(path, VerifyFiles.FileName);
            if (File.Exists(verify))
                verification = OfThisModel(ReadJson(verify), verify, result.RootElement);
            return new RunFolder(path, result, config, verification, File.Exists(log) ? RunLog.Read(log) : null);
        }
        catch
        {
            result?.Dispose();
            config?.Dispose();
            verification?.Dispose();
            throw;
        }
    }

    /// <summary>SHA-256 of a model file, as results record it.</summary>
    internal static string Sha256Of(string model)
    {
        using var file = SafeTensorsFile.Open(model);
        return file.Sha256();
    }

    /// <summary>Says why a path that should be a model is none: a folder, or one that a run is still working in.</summary>
    /// <exception cref="UserErrorException">It is one of these; what else is wrong the reader of the file says.</exception>
    internal static void RequireModelFile(string path)
    {
        if (Directory.Exists(path))
        {
            var inner = System.IO.Path.Combine(path, OutputFolder.ModelName);
            throw new UserErrorException($"'{path}' is a folder; give the path of a model{(File.Exists(inner) ? $": '{inner}'" : "")}.");
        }

        if (!File.Exists(path) && OutputFolder.WorkerIn(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!) is { } worker)
            throw new UserErrorException($"'{path}' is not there yet: a run is working in the folder ({worker}); wait for its end.");
    }

    /// <summary>Checks that the model in a folder is the one its result.json speaks of. A model that was moved away is not
    /// missed.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="result">Its result.json.</param>
    /// <exception cref="UserErrorException">It is another one.</exception>
    internal static void RequireModel(string path, JsonElement result)
    {
        var model = System.IO.Path.Combine(path, OutputFolder.ModelName);
        if (result.Text("modelSha256") is { Length: > 0 } recorded && File.Exists(model) && Sha256Of(model) != recorded)
        {
            throw new UserErrorException(
                $"'{model}' is not the model that the {OutputFolder.ResultName} beside it speaks of: it was replaced since; put "
                    + $"the model of "
                    + $"the run back, or run again."
            );
        }
    }

    /// <summary>Where something lies now that a run was given by its path: where it lay then, else where the path leads from
    /// here.</summary>
    /// <param name="config">config.json of the run.</param>
    /// <param name="path">The path, as the run was given it.</param>
    /// <returns>Null where nothing lies in either place.</returns>
    internal static string? Locate(JsonElement config, string path)
    {
        if (path.Length == 0)
            return null;
        var then = System.IO.Path.GetFullPath(System.IO.Path.Combine(config.Text("directory"), path));
        // What a person typed says more than the whole path, as long as both mean the same.
        return then != System.IO.Path.GetFullPath(path) && System.IO.Path.Exists(then) ? then
            : System.IO.Path.Exists(path) ? path
            : null;
    }

    /// <summary>Reads a text file.</summary>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
            throw new UserErrorException(
                OutputFolder.WorkerIn(folder) is { } worker
                    ? $"'{path}' is not there yet: a run is working in the folder ({worker}); wait for its end."
                    : $"'{path}' is missing: the run did not end; run 'lur forget' again."
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{path}' cannot be read ({e.Message.TrimEnd('.')}); check its permissions.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _result.Dispose();
        _config.Dispose();
        _verification?.Dispose();
    }

    /// <summary>A verification of another model is none of this run's.</summary>
    private static JsonDocument OfThisModel(JsonDocument verification, string path, JsonElement result)
    {
        string verified = verification.RootElement.Text("modelSha256"),
            model = result.Text("modelSha256");
        if (verified.Length == 0 || verified == model)
            return verification;
        verification.Dispose();
        throw new UserErrorException(
            $"'{path}' speaks of another model than the {OutputFolder.ResultName} beside it; run 'lur verify' again."
        );
    }

    /// <summary>Reads a file that is one JSON object.</summary>
    /// <exception cref="UserErrorException">It is missing, or is none.</exception>
    internal static JsonDocument ReadJson(string path)
    {
        var text = ReadText(path);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"'{path}' is no JSON (line {e.LineNumber + 1}); restore the file, or run again.");
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return document;
        document.Dispose();
        throw new UserErrorException($"'{path}' is not a JSON object; restore the file, or run again.");
    }
}

/// <summary>Reading JSON that may lack a field: older runs have fewer.</summary>
internal static class JsonReading
{
    /// <summary>Follows names; null where one is missing or null.</summary>
    public static JsonElement? Find(this JsonElement element, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                return null;
        }

        return element.ValueKind == JsonValueKind.Null ? null : element;
    }

    /// <summary>The text of a field; empty where it is missing.</summary>
    public static string Text(this JsonElement element, params ReadOnlySpan<string> names) => element.Find(names)?.ToString() ?? "";

    /// <summary>The number of a field; NaN where it is missing or no number.</summary>
    public static double Number(this JsonElement element, params ReadOnlySpan<string> names) =>
        element.Find(names) is { } e ? Value(e) : double.NaN;

    /// <summary>The numbers of an array; empty where it is missing.</summary>
    public static double[] Numbers(this JsonElement element, params ReadOnlySpan<string> names) =>
        element.Find(names) is { ValueKind: JsonValueKind.Array } array ? [.. array.EnumerateArray().Select(Value)] : [];

    /// <summary>A number; NaN where it is none.</summary>
    public static double Value(JsonElement element) => element.ValueKind == JsonValueKind.Number ? element.GetDouble() : double.NaN;
}
