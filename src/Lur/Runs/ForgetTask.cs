using System.Text.Json;
using Lur.Data;

namespace Lur.Runs;

/// <summary>What a forgetting run was about, from the config.json in its folder: enough to measure its model again.</summary>
/// <param name="Folder">Folder of the run.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="Original">Model it started from.</param>
/// <param name="Data">Data set.</param>
/// <param name="ImageSize">Size images of a folder are scaled to, or null.</param>
/// <param name="Forget">Specifications.</param>
/// <param name="AlsoCopies">Whether retained copies were forgotten, too.</param>
/// <param name="Split">Split file, or null.</param>
/// <param name="Seed">Seed of the run.</param>
/// <param name="ForgetSha256">Hash of what was forgotten and retained.</param>
/// <param name="OriginalSha256">Hash of the model it started from; empty where the run did not record it.</param>
/// <param name="ModelSha256">Hash of the unlearned model; empty where the run did not record it.</param>
/// <param name="Earlier">Numbers of the samples that earlier requests made the model forget (<see cref="SampleId.Number"/>).</param>
internal sealed record ForgetTask(
    string Folder,
    string Method,
    string Original,
    string Data,
    int? ImageSize,
    IReadOnlyList<string> Forget,
    bool AlsoCopies,
    string? Split,
    ulong Seed,
    string ForgetSha256,
    string OriginalSha256,
    string ModelSha256,
    int[] Earlier
)
{
    /// <summary>What the original model drew itself, and how pictures became latents.</summary>
    public LatentSettings Latents { get; init; } = new();

    /// <summary>Files of the cache that hold the samples as latents, or as the original drew them.</summary>
    public IReadOnlyList<string> Cached { get; init; } = [];

    /// <summary>Path of the unlearned model.</summary>
    public string Unlearned => Path.Combine(Folder, "model.safetensors");

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">Folder of a run of 'lur forget'.</param>
    /// <param name="model">Where the original model is now; null for where it was.</param>
    /// <param name="data">Where the data are now; null for where they were.</param>
    /// <exception cref="UserErrorException">It is not the folder of a finished run.</exception>
    public static ForgetTask Read(string folder, string? model, string? data)
    {
        using var run = RunFolder.Open(folder);
        return Of(run, model, data);
    }

    /// <summary>The same of a folder that is open.</summary>
    public static ForgetTask Of(RunFolder run, string? model, string? data)
    {
        var c = run.Config;
        // Classes and names of generated data are no paths, and stay what they are.
        string At(string path) => RunFolder.Locate(c, path) ?? path;
        var seed = c.Find("seed") is { ValueKind: JsonValueKind.Number } s ? s.GetUInt64() : 1;
        return new ForgetTask(
            run.Path,
            run.Method,
            model ?? At(c.Text("model")),
            data ?? (c.Text("data") is var given && given == LatentSettings.Drawn ? given : At(given)),
            c.Find("imageSize") is { ValueKind: JsonValueKind.Number } size ? size.GetInt32() : null,
            [.. c.Find("forget")?.EnumerateArray().Select(e => At(e.GetString() ?? "")) ?? []],
            c.Find("alsoCopies") is { ValueKind: JsonValueKind.True },
            c.Text("split") is { Length: > 0 } split ? split : null,
            seed,
            run.Result.Text("forgetSha256"),
            run.Result.Text("parentSha256"),
            run.Result.Text("modelSha256"),
            [.. run.Result.Numbers("samples", "earlier", "index").Select(i => (int)i)]
        )
        {
            Latents = LatentSettings.Read(c),
            Cached = LatentSettings.CachedBy(c),
        };
    }

    /// <summary>Checks that the original is the model the run started from: a training may have replaced it since.</summary>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">It is another one, or is gone.</exception>
    public void RequireOriginal(Func<string, string> spell)
    {
        if (!File.Exists(Original))
        {
            var beside = Path.GetDirectoryName(Path.GetFullPath(Original)) ?? "";
            throw new UserErrorException(
                AuditLog.Purged(Folder).Concat(AuditLog.Purged(beside)).Contains(RealPath.Of(Original))
                    ? $"'{Original}', the model that the run in '{Folder}' started from, was deleted by 'lur purge'; what compares with it "
                        + "can be done before a purge only."
                    : $"'{Original}', the model that the run in '{Folder}' started from, is not there; put it back, or give its place with "
                        + $"{spell("model")}."
            );
        }

        if (OriginalSha256.Length > 0 && RunFolder.Sha256Of(Original) != OriginalSha256)
        {
            throw new UserErrorException(
                $"'{Original}' is not the model that the run in '{Folder}' started from: it was replaced since, or is another one; "
                    + $"give that model, or run 'lur forget' again."
            );
        }
    }

    /// <summary>The split of the original model.</summary>
    public DataSplit LoadSplit(DataSource source)
    {
        // The run has left a copy; older ones have not.
        if ((DataAndModel.SplitPath(Unlearned, null) ?? DataAndModel.SplitPath(Original, Split)) is not { } path)
            return DataSplit.Create(source.Train, 0, Seed);
        try
        {
            return DataSplit.Load(path, source.Train);
        }
        catch (UserErrorException)
        {
            // Where it is a forgotten sample that changed, its name says more than that of the split.
            if (File.Exists(ListPath) && ForgetIdFile.HasContent(ListPath))
                _ = ForgetSet.Resolve([ListPath], source, [.. Sequences.Range(0, source.Train.Count)], Seed);
            throw;
        }
    }

    private string ListPath => Path.Combine(Folder, OutputFolder.ForgetName);

    /// <summary>Resolves what was forgotten, and checks that it is what it was.</summary>
    /// <param name="source">The data set, with the classes in the original's order.</param>
    /// <param name="split">The original's split.</param>
    /// <param name="cancel">Stops the search for copies.</param>
    /// <param name="pictures">Its samples as pictures, where they are latents; null for the data set itself.</param>
    /// <exception cref="UserErrorException">The data or the specification changed since.</exception>
    public ForgetSet Resolve(DataSource source, DataSplit split, CancellationToken cancel, DataSource? pictures = null)
    {
        var set = ForgetSet.Resolve(Forget, source, split.Train, Seed, SampleDirectory.IndicesOf(source.Train, Earlier));
        if (AlsoCopies)
            set = SampleCopies.Find(pictures ?? source, split, set, null, cancel).AlsoForget(source.Train, set).Set;
        // Numbers may be the same and the pictures others: the list of the run says what they were.
        var same =
            !File.Exists(ListPath)
            || !ForgetIdFile.HasContent(ListPath)
            || ForgetSet.Resolve([ListPath], source, split.Train, Seed).Forget.AsSpan().SequenceEqual(set.Forgotten);
        return same && set.Sha256() == ForgetSha256
            ? set
            : throw new UserErrorException(
                $"The forget set of '{Folder}' is not what it was when the run was made: the data, the split or a file of "
                    + $"indices changed; run 'lur forget' again."
            );
    }
}
