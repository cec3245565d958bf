namespace Lur.Checkpoints;

/// <summary>One state_dict in one safetensors file, or cut into several.</summary>
public sealed class WeightFiles : IDisposable
{
    private readonly Dictionary<string, SafeTensorsFile> _byName = new(StringComparer.Ordinal);

    private WeightFiles(string path, IReadOnlyList<SafeTensorsFile> files)
    {
        (Path, Files) = (path, files);
        foreach (var file in files)
        {
            foreach (var tensor in file.Tensors)
                if (!_byName.TryAdd(tensor.Name, file))
                    throw new UserErrorException(
                        $"The tensor '{tensor.Name}' is in '{_byName[tensor.Name].Path}' and in '{file.Path}'; they are not parts of one "
                            + "model."
                    );
        }
    }

    /// <summary>What messages call it.</summary>
    public string Path { get; }

    /// <summary>The files.</summary>
    public IReadOnlyList<SafeTensorsFile> Files { get; }

    /// <summary>Tensors of all files.</summary>
    public IEnumerable<TensorInfo> Tensors => Files.SelectMany(f => f.Tensors);

    /// <summary>Opens and validates files.</summary>
    /// <param name="path">What messages call them together.</param>
    /// <param name="paths">The files.</param>
    /// <exception cref="UserErrorException">One is missing or damaged, or two hold the same tensor.</exception>
    public static WeightFiles Open(string path, IReadOnlyList<string> paths) => Open(path, paths, null);

    /// <summary>Opens files whose tensors have other names elsewhere.</summary>
    /// <inheritdoc cref="SafeTensorsFile.Open(string, Func{string, string?}?)"/>
    internal static WeightFiles Open(string path, IReadOnlyList<string> paths, Func<string, string?>? rename)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var files = new List<SafeTensorsFile>();
        try
        {
            foreach (var one in paths)
                files.Add(SafeTensorsFile.Open(one, rename));
            return new WeightFiles(path, files);
        }
        catch
        {
            foreach (var file in files)
                file.Dispose();
            throw;
        }
    }

    /// <summary>The file of a tensor; null where there is none.</summary>
    public SafeTensorsFile? Holding(string name) => _byName.GetValueOrDefault(name);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in Files)
            file.Dispose();
    }
}
