using System.Text;
using System.Text.Json;

namespace Lur.Runs;

/// <summary>The folder of a sampling run: a folder of images for each class, sheet.png and sample.json, which comes last. All of it is
/// made aside and put in place together.</summary>
internal sealed class SampleFolder : IDisposable
{
    /// <summary>What was drawn and how.</summary>
    public const string DescriptionName = "sample.json";

    /// <summary>The first images of each class.</summary>
    public const string SheetName = "sheet.png";

    private const int LongestName = 100;
    private readonly string _folder;
    private readonly OutputFolder _output;
    private readonly Func<string, string> _spell;
    private bool _isNew;

    private SampleFolder(string folder, OutputFolder output, Func<string, string> spell) =>
        (_folder, _output, _spell) = (folder, output, spell);

    /// <summary>Refuses a folder with images of an earlier run.</summary>
    /// <param name="folder">The folder; need not exist.</param>
    /// <param name="overwrite">True if they may be replaced.</param>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">It has some.</exception>
    public static void Check(string folder, bool overwrite, Func<string, string> spell)
    {
        if (!overwrite && File.Exists(Path.Combine(folder, DescriptionName)))
            throw new UserErrorException(
                $"'{folder}' holds images that were drawn before; choose another {spell("output")} folder, or give "
                    + $"{spell("overwrite")} to replace them."
            );
    }

    /// <summary>Creates the folder and takes hold of it.</summary>
    /// <exception cref="UserErrorException">It cannot be created, another run is writing into it, or see <see cref="Check"/>.</exception>
    public static SampleFolder Open(string folder, bool overwrite, Func<string, string> spell)
    {
        var isNew = !Directory.Exists(folder);
        var output = OutputFolder.Open(folder, null, spell);
        try
        {
            Check(folder, overwrite, spell);
            return new SampleFolder(folder, output, spell) { _isNew = isNew };
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    /// <summary>Name of the folder of a class: its own where a file can have it and no other class has it, else class-NUMBER.</summary>
    public static string NameOf(IReadOnlyList<string> names, int label)
    {
        var name = names[label];
        var usable =
            name.Length > 0
            && name[0] != '.'
            && !name.Any(c => c is '/' or '\\' || char.IsControl(c))
            && Encoding.UTF8.GetByteCount(name) <= LongestName
            && names.Count(n => n == name) == 1
            && name is not (DescriptionName or SheetName);
        return usable ? name : FormattableString.Invariant($"class-{label}");
    }

    /// <summary>Refuses to mix images with what else lies in a folder of the same name.</summary>
    /// <param name="classes">Folders to write.</param>
    /// <exception cref="UserErrorException">One is there that no earlier run of this kind left.</exception>
    public void RequireRoom(IReadOnlyList<string> classes)
    {
        var earlier = Earlier();
        foreach (var name in classes)
            if (Path.Exists(At(name)) && !earlier.Contains(name))
                throw new UserErrorException(
                    $"'{At(name)}' is there already, and no earlier run that drew images left it; choose another "
                        + $"{_spell("output")} folder."
                );
    }

    /// <summary>Path to write a file to that <see cref="Publish"/> puts in place.</summary>
    public string Staged(string name)
    {
        var path = _output.Staged(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Writes a file aside.</summary>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public void Write(string name, Action<Stream> write)
    {
        var path = Staged(name);
        try
        {
            using var stream = File.Create(path);
            write(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"'{path}' cannot be written ({e.Message.TrimEnd('.')}); free space, or choose another folder.",
                e
            );
        }
    }

    /// <summary>Removes an earlier run's images and puts the new ones in place, sample.json last.</summary>
    /// <exception cref="UserErrorException">The folder cannot be written.</exception>
    public void Publish()
    {
        try
        {
            var earlier = Earlier();
            File.Delete(At(DescriptionName));
            foreach (var name in earlier)
                RemoveImages(At(name));
            var stage = At(OutputFolder.StageName);
            foreach (var staged in Directory.GetDirectories(stage))
                Move(staged, At(Path.GetFileName(staged)));
            foreach (var name in new[] { SheetName, DescriptionName })
                if (File.Exists(Path.Combine(stage, name)))
                    File.Move(Path.Combine(stage, name), At(name), overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The images cannot be put into '{_folder}' ({e.Message.TrimEnd('.')}); run again.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _output.Dispose();
        if (!_isNew || Directory.EnumerateFileSystemEntries(_folder).Any())
            return;
        try
        {
            // Made for images of which there are none.
            Directory.Delete(_folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // An empty folder harms nobody.
        }
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static void Move(string from, string to)
    {
        if (!Directory.Exists(to))
        {
            Directory.Move(from, to);
            return;
        }

        // Somebody put files of their own beside the images of an earlier run.
        foreach (var file in Directory.GetFiles(from))
            File.Move(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
    }

    // What a run left is named by a number of five digits or more; whatever else lies there stays.
    private static void RemoveImages(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var file in Directory.GetFiles(folder, "*.png"))
            if (Path.GetFileNameWithoutExtension(file) is { Length: >= 5 } name && name.All(char.IsAsciiDigit))
                File.Delete(file);
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    /// <summary>Folders of the run whose sample.json lies there.</summary>
    private List<string> Earlier()
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(At(DescriptionName)));
            return
            [
                .. json
                    .RootElement.GetProperty("classes")
                    .EnumerateArray()
                    .Select(c => c.GetProperty("folder").GetString()!)
                    .Where(name => Path.GetFileName(name) == name && name.Length > 0 && name[0] != '.'),
            ];
        }
        catch (FileNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new UserErrorException(
                $"'{At(DescriptionName)}' is damaged, so what an earlier run left cannot be told from your own files; remove it."
            );
        }
    }
}
