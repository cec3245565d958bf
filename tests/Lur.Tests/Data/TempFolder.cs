namespace Lur.Tests.Data;

/// <summary>A folder that exists for one test.</summary>
public sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("lur-test-").FullName;

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    /// <summary>Writes a file, creating its folder, and returns its path.</summary>
    public string Write(string relative, ReadOnlySpan<byte> bytes)
    {
        var path = this[relative];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public string Write(string relative, string text) => Write(relative, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Copies a folder of files into this one, under a name.</summary>
    public void Copy(string folder, string name)
    {
        Directory.CreateDirectory(this[name]);
        foreach (var file in Directory.EnumerateFiles(folder))
            File.Copy(file, System.IO.Path.Combine(this[name], System.IO.Path.GetFileName(file)));
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
