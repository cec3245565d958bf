using Lur.Checkpoints;

namespace Lur.Models;

/// <summary>Writes folders of text-to-image models: whole, or not at all.</summary>
public static class PipelineWriter
{
    private static readonly string[] s_weights =
    [
        ".safetensors",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".pkl",
        ".msgpack",
        ".h5",
        ".onnx",
        ".pb",
    ];

    /// <summary>Writes a new pipeline.</summary>
    /// <param name="target">Its folder; it must not be there, or be empty.</param>
    /// <param name="files">What writes each file, by its path in the folder, with slashes.</param>
    /// <exception cref="UserErrorException">The folder is there, or cannot be written.</exception>
    public static void Create(string target, IReadOnlyDictionary<string, Action<string>> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        Whole(
            target,
            stage =>
            {
                foreach (var (name, write) in files)
                    write(Made(stage, name));
            }
        );
    }

    /// <summary>Writes the pipeline of a UNet that was trained with its text encoder.</summary>
    /// <param name="target">Its folder; it must not be there, or be empty.</param>
    /// <param name="unet">The UNet, whose settings have its scheduler.</param>
    /// <param name="parts">Folder with text_encoder and tokenizer, which are copied.</param>
    /// <exception cref="UserErrorException">The folder is there, or cannot be written.</exception>
    public static void Create(string target, Model unet, string parts)
    {
        ArgumentNullException.ThrowIfNull(unet);
        var (spec, scheduler) = ((UNetSpec)unet.Spec, unet.TaskSettings[DiffusersFolder.SchedulerKey]);
        var files = FilesOf(parts)
            .ToDictionary(name => name, name => (Action<string>)(path => Copy(Path.Combine(parts, name), path)), StringComparer.Ordinal);
        files[$"{PipelineFolder.UNet}/{DiffusersPlaces.ConfigName}"] = path =>
            AtomicFile.WriteText(path, UNetConfig.Write(spec, unet.ClassNames));
        files[$"{PipelineFolder.UNet}/{DiffusersPlaces.WeightsName}"] = path => ModelFile.ExportNew(unet, path);
        files[$"{PipelineFolder.Scheduler}/{DiffusersPlaces.SchedulerName}"] = path => AtomicFile.WriteText(path, scheduler);
        files[DiffusersPlaces.PipelineName] = path =>
            AtomicFile.WriteText(path, PipelineFolder.IndexText("DDPMScheduler", autoencoder: false));
        Create(target, files);
    }

    /// <summary>Writes a pipeline again with the weights of its UNet in the place of those it had, under the names the file had. All other
    /// files are copied byte for byte. Where the weights have changed, files in other precisions are made from the new ones, and what else
    /// holds the old ones is left out.</summary>
    /// <param name="pipeline">The folder that the UNet was read from.</param>
    /// <param name="unet">The UNet, which remembers the headers of the files it came from.</param>
    /// <param name="target">The new folder; it must not be there, or be empty.</param>
    /// <returns>Files of the old weights that were left out, relative to the folder.</returns>
    /// <exception cref="UserErrorException">The folder is there, the pipeline is not that of the UNet, or a file cannot be read or
    /// written.</exception>
    public static IReadOnlyList<string> Save(PipelineFolder pipeline, Model unet, string target)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(unet);
        var inside = Path.GetRelativePath(Path.GetFullPath(pipeline.Root), Path.GetFullPath(target));
        if (!inside.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(inside))
            throw new UserErrorException($"'{target}' lies in the folder '{pipeline.Root}' that is copied; choose another.");
        var places = DiffusersPlaces.Part(pipeline.Root, PipelineFolder.UNet);
        var headers = places.Weights.ToDictionary(w => w, w => DiffusersFolder.HeaderOf(unet, w));
        if (headers.FirstOrDefault(h => h.Value is null).Key is { } foreign)
            throw new UserErrorException(
                $"The model was not read from '{places.At(foreign)}', so it cannot be written in its place; give the folder that it was "
                    + "imported from."
            );
        var left = new List<string>();
        Whole(
            target,
            stage =>
            {
                foreach (var (name, header) in headers)
                    ModelFile.Export(unet, Made(stage, name), header!);
                var same = places.Weights.All(w => SameBytes(places.At(w), Path.Combine(stage, w)));
                foreach (var name in FilesOf(pipeline.Root).Where(n => !headers.ContainsKey(n)))
                    if (same || !HoldsUNet(name))
                        Copy(places.At(name), Made(stage, name));
                    else if (!WroteAgain(unet, places.At(name), () => Made(stage, name)))
                        left.Add(name);
            }
        );
        return left;
    }

    // Weights beside the parts are those of the whole model in one file.
    private static bool HoldsUNet(string name) =>
        (!name.Contains('/', StringComparison.Ordinal) || name.StartsWith(PipelineFolder.UNet + "/", StringComparison.Ordinal))
        && s_weights.Contains(Path.GetExtension(name));

    // Another precision of the same weights; those of training before averaging ("non_ema") are others, with the same names.
    private static bool WroteAgain(Model unet, string source, Func<string> target)
    {
        if (Path.GetExtension(source) != ".safetensors" || Path.GetFileName(source).Contains("non_ema", StringComparison.Ordinal))
            return false;
        using var file = SafeTensorsFile.Open(source);
        var known = ModelTensors.Of(unet, given: false).SelectMany(t => t.Names.Select(n => (n, t))).ToDictionary(p => p.n, p => p.t);
        if (!file.Tensors.All(t => known.TryGetValue(t.Name, out var mine) && mine.Shape.Aggregate(1L, (a, b) => a * b) == t.Count))
            return false;
        ModelFile.Export(unet, target(), file.HeaderText);
        return true;
    }

    private static void Whole(string target, Action<string> write)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (File.Exists(full) || (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any()))
            throw new UserErrorException($"'{target}' is there already; choose another folder.");
        var stage = Path.Combine(
            Path.GetDirectoryName(full) ?? full,
            $".{Path.GetFileName(full)}.{Environment.ProcessId}{AtomicFile.TemporarySuffix}"
        );
        try
        {
            // One of a process with our number that was killed.
            Remove(stage);
            Directory.CreateDirectory(stage);
            write(stage);
            if (Directory.Exists(full))
                Directory.Delete(full);
            Directory.Move(stage, full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The folder '{target}' cannot be written ({e.Message.TrimEnd('.')}); choose another.", e);
        }
        finally
        {
            Remove(stage);
        }
    }

    private static void Remove(string stage)
    {
        if (Directory.Exists(stage))
            Directory.Delete(stage, recursive: true);
    }

    private static string Made(string stage, string name)
    {
        var path = Path.Combine(stage, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    // What version control keeps there are old files, too.
    private static OrderedSequence<string> FilesOf(string root) =>
        Directory
            .EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(root, f).Replace('\\', '/'))
            .Where(f => !f.StartsWith(".git/", StringComparison.Ordinal) && !f.StartsWith(".cache/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    private static void Copy(string source, string target) =>
        AtomicFile.Write(
            target,
            stream =>
            {
                using var file = File.OpenRead(source);
                file.CopyTo(stream);
            }
        );

    private static bool SameBytes(string first, string second)
    {
        using FileStream a = File.OpenRead(first),
            b = File.OpenRead(second);
        if (a.Length != b.Length)
            return false;
        byte[] left = new byte[1 << 16],
            right = new byte[1 << 16];
        for (int read; (read = a.ReadAtLeast(left, left.Length, throwOnEndOfStream: false)) > 0; )
        {
            if (b.ReadAtLeast(right.AsSpan(0, read), read, throwOnEndOfStream: false) != read)
                return false;
            if (!left.AsSpan(0, read).SequenceEqual(right.AsSpan(0, read)))
                return false;
        }

        return true;
    }
}
