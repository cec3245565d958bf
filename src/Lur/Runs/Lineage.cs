using Lur.Checkpoints;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>One model of a lineage.</summary>
/// <param name="Path">Its file; where it was, if it is not there any more.</param>
/// <param name="Sha256">Hash of the file.</param>
/// <param name="IsThere">False where it was moved, deleted or replaced.</param>
public sealed record LineageStep(string Path, string Sha256, bool IsThere)
{
    /// <summary>What made it: train, import, forget; empty where that is not known.</summary>
    public string Command { get; init; } = "";

    /// <summary>Unlearning method of a request.</summary>
    public string Method { get; init; } = "";

    /// <summary>What was asked to be forgotten, or left out of the training.</summary>
    public string Request { get; init; } = "";

    /// <summary>Samples of this request; null where it is not known.</summary>
    public int? Samples { get; init; }

    /// <summary>Samples of this and all earlier requests; null where it is not known.</summary>
    public int? Forgotten { get; init; }

    /// <summary>Hash of the list of these, as the model's file has it; empty where there is none.</summary>
    public string ForgottenSha256 { get; init; } = "";

    /// <summary>Verdict of 'lur verify'; empty where it was not verified.</summary>
    public string Verdict { get; init; } = "";

    /// <summary>When the run ended, in UTC; empty where it is not known.</summary>
    public string Finished { get; init; } = "";

    /// <summary>True where 'lur purge' deleted it, as an audit.jsonl of the chain has it on record.</summary>
    public bool IsPurged { get; init; }

    /// <summary>True if the model was written by Lur.</summary>
    public bool IsOurs { get; init; }

    /// <summary>What does not fit, one sentence each.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];
}

/// <summary>How a model came to be: the original, and each request since.</summary>
/// <param name="Steps">Models, the original first.</param>
public sealed record Lineage(IReadOnlyList<LineageStep> Steps)
{
    /// <summary>Everything that does not fit.</summary>
    public IReadOnlyList<string> Faults => [.. Steps.SelectMany(s => s.Faults)];

    /// <summary>Follows a model back to its original.</summary>
    /// <param name="model">Its file, or the folder of its run.</param>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public static Lineage Read(string model)
    {
        var steps = new List<LineageStep>();
        var purged = new HashSet<string>(StringComparer.Ordinal);
        var path = Directory.Exists(model) ? Path.Combine(model, OutputFolder.ModelName) : model;
        RunFolder.RequireModelFile(path);
        var (step, parent, parentSha256) = ReadStep(path);
        while (true)
        {
            steps.Add(step);
            purged.UnionWith(AuditLog.Purged(FolderOf(step.Path)));
            if (parentSha256.Length == 0 || steps.Any(s => s.Sha256 == parentSha256))
                break;
            var child = step;
            var lies = File.Exists(parent);
            (step, parent, parentSha256) =
                lies && RunFolder.Sha256Of(parent) == parentSha256 ? ReadStep(parent) : ReadGone(parent, parentSha256, purged);
            if (lies && !step.IsThere)
            {
                var fault = $"'{step.Path}' is not the model that '{child.Path}' was made from: it was replaced since.";
                step = step with { IsPurged = false, Faults = [fault, .. step.Faults] };
            }
        }

        steps.Reverse();
        return new Lineage(steps);
    }

    private static string FolderOf(string path) => path.Length == 0 ? "" : Path.GetDirectoryName(Path.GetFullPath(path))!;

    /// <summary>A model that is not where it was: what its run left beside it still tells how it came to be.</summary>
    private static (LineageStep Step, string Parent, string ParentSha256) ReadGone(string path, string sha256, HashSet<string> purged)
    {
        var folder = FolderOf(path);
        purged.UnionWith(AuditLog.Purged(folder));
        var step = new LineageStep(path, sha256, false) { IsPurged = path.Length > 0 && purged.Contains(RealPath.Of(path)) };
        if (Path.GetFileName(path) != OutputFolder.ModelName || !File.Exists(Path.Combine(folder, OutputFolder.ResultName)))
            return (step, "", "");
        using var result = RunFolder.ReadJson(Path.Combine(folder, OutputFolder.ResultName));
        var r = result.RootElement;
        // Of another run that took its place nothing follows for this one.
        if (r.Text("modelSha256") != sha256)
            return (step, "", "");
        step = step with { Command = r.Text("command"), Method = r.Text("method"), IsOurs = true };
        return (Described(step, folder, r, out var parent), parent, r.Text("parentSha256"));
    }

    private static (LineageStep Step, string Parent, string ParentSha256) ReadStep(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        var metadata = file.Metadata;
        var sha256 = file.Sha256();
        var parentSha256 = metadata.GetValueOrDefault("lur.parent-sha256", "");
        var ours = metadata.ContainsKey("lur.architecture");
        var step = new LineageStep(path, sha256, true)
        {
            Command =
                parentSha256.Length > 0 ? "forget"
                : metadata.ContainsKey("lur.method") ? "train"
                : ours ? "import"
                : "",
            Method = parentSha256.Length > 0 ? metadata.GetValueOrDefault("lur.method", "") : "",
            ForgottenSha256 = metadata.GetValueOrDefault("lur.forgotten-sha256", ""),
            IsOurs = ours,
        };
        var folder = FolderOf(path);
        if (Path.GetFileName(path) != OutputFolder.ModelName || !File.Exists(Path.Combine(folder, OutputFolder.ResultName)))
            return (step, "", parentSha256);
        using var result = RunFolder.ReadJson(Path.Combine(folder, OutputFolder.ResultName));
        if (result.RootElement.Text("modelSha256") != sha256)
        {
            var fault = $"the {OutputFolder.ResultName} beside '{path}' speaks of another model.";
            return (step with { Faults = [fault] }, "", parentSha256);
        }

        return (Described(step, folder, result.RootElement, out var parent), parent, parentSha256);
    }

    /// <summary>What is wrong with the list of what a model has forgotten: it names the samples of this and of all earlier requests,
    /// which the results have one by one.</summary>
    private static string? ListFault(string folder, System.Text.Json.JsonElement result)
    {
        var path = System.IO.Path.Combine(folder, OutputFolder.ForgetName);
        if (!File.Exists(path))
            return $"'{path}', the list of what the model has forgotten, is missing: a later request would be refused.";
        var fault = $"'{path}' does not list what {OutputFolder.ResultName} says was forgotten: a line was changed, taken out or put in.";
        if (result.Text("forgetListSha256") is { Length: > 0 } recorded)
            return ReferenceCache.HashOf(path) == recorded ? null : fault;
        // Older runs have the numbers alone on record.
        HashSet<double> expected = [.. Numbers("forget"), .. Numbers("earlier")];
        var listed = File.ReadLines(path)
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => double.TryParse(line.Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture, out var n) ? n : -1);
        return expected.SetEquals(listed) ? null : fault;

        double[] Numbers(string set) => result.Numbers("samples", set, "index");
    }

    /// <summary>Adds what the files beside a model say of it.</summary>
    private static LineageStep Described(LineageStep step, string folder, System.Text.Json.JsonElement result, out string parent)
    {
        using var config = RunFolder.ReadJson(Path.Combine(folder, "config.json"));
        var c = config.RootElement;
        var model = c.Text("model");
        parent =
            step.Command != "forget" || model.Length == 0
                ? ""
                : RunFolder.Locate(c, model) ?? Path.GetFullPath(Path.Combine(c.Text("directory"), model));
        var verify = Path.Combine(folder, VerifyFiles.FileName);
        using var verification = File.Exists(verify) ? RunFolder.ReadJson(verify) : null;
        var verified = verification?.RootElement.Text("modelSha256") == step.Sha256;
        int? Count(double value) => double.IsFinite(value) ? (int)value : null;
        var samples = Count(result.Number("forgetImages"));
        var earlier = Count(result.Number("earlierRequests", "images")) ?? 0;
        var audit = AuditLog.Check(folder, result.Text("auditSha256"));
        return step with
        {
            Request = string.Join(", ", (c.Find("forget") ?? c.Find("exclude"))?.EnumerateArray().Select(e => e.ToString()) ?? []),
            Samples = samples,
            Forgotten = samples + earlier,
            Verdict = verified ? verification!.RootElement.Text("verdict") : "",
            Finished = result.Text("finished"),
            Faults =
            [
                .. audit?.Fault is { } fault ? [fault] : Array.Empty<string>(),
                .. step.Command == "forget" && ListFault(folder, result) is { } list ? [list] : Array.Empty<string>(),
                .. verification is not null && !verified ? [$"'{verify}' speaks of another model."] : Array.Empty<string>(),
            ],
        };
    }
}
