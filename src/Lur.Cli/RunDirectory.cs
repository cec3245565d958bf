using System.Text;
using System.Text.Json;

namespace Lur.Cli;

/// <summary>
/// The folder of one run (-o DIR). A file in it is whole or absent: it is written under a temporary name and renamed.
/// </summary>
internal sealed class RunDirectory
{
    private readonly List<string> _written = [];

    private RunDirectory(string path) => Path = path;

    /// <summary>Full path of the folder.</summary>
    public string Path { get; }

    /// <summary>Names of the files written so far, in order, for the closing list of a command.</summary>
    public IReadOnlyList<string> Written => _written;

    /// <summary>Creates the folder if need be, and removes what a killed run left half-written.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="overwrite">Whether results of an earlier run may be replaced.</param>
    /// <param name="marker">The file that an earlier, finished run has left.</param>
    /// <exception cref="UserErrorException">It cannot be created, or holds a finished run.</exception>
    public static RunDirectory Create(string path, bool overwrite = true, string marker = "result.json")
    {
        string full = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"the output folder '{path}' cannot be created ({e.Message.TrimEnd('.')}); choose another with -o.", e);
        }
        if (!overwrite && File.Exists(System.IO.Path.Combine(full, marker)))
            throw new UserErrorException($"'{path}' holds the results of an earlier run; choose another folder with -o.");
        AtomicFile.RemoveLeftovers(full);
        return new RunDirectory(full);
    }

    /// <summary>Full path of a file in the folder.</summary>
    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file through a callback.</summary>
    public void Write(string name, Action<Stream> write)
    {
        AtomicFile.Write(PathOf(name), write);
        Note(name);
    }

    /// <summary>Writes a text file.</summary>
    public void WriteText(string name, string text) => Write(name, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes a JSON file, indented.</summary>
    public void WriteJson(string name, Action<Utf8JsonWriter> write) => WriteText(name, TablePrinter.JsonText(write) + "\n");

    /// <summary>Lists a file that somebody else wrote into the folder.</summary>
    public void Note(string name)
    {
        if (!_written.Contains(name))
            _written.Add(name);
    }

    /// <summary>Prints the paths of what was written.</summary>
    public void PrintWritten(CommandContext context)
    {
        if (context.Json)
            return;
        foreach (string name in _written)
            context.Output.WriteLine(System.IO.Path.GetRelativePath(Environment.CurrentDirectory, PathOf(name)));
    }
}
