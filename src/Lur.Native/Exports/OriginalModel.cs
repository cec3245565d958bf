using Lur.Verification;

namespace Lur.Native.Exports;

/// <summary>A model in memory as a file in the folder of a job, so that a failure has something to go back to, a checkpoint something to go
/// on from, and a verification something to compare with. A job that leaves neither result nor checkpoint leaves none of it, and
/// that of an earlier job in its place.</summary>
internal sealed class OriginalModel
{
    private readonly string _path;
    private readonly string _earlier; // what an earlier job has there, until this one has its results
    private bool _settled;

    /// <summary>Puts the weights down, or holds them to be those that the job began with.</summary>
    /// <param name="path">Where.</param>
    /// <param name="weights">The model.</param>
    /// <param name="resume">Whether the job goes on.</param>
    /// <param name="anyWeights">Whether it may go on with others: those that it has left.</param>
    /// <exception cref="UserErrorException">They are others.</exception>
    public OriginalModel(string path, NativeModel weights, bool resume, bool anyWeights)
    {
        (_path, _earlier) = (path, path + ".earlier");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var copy = ModelCopy.Beside(path, weights);
        Sha256 = copy.Sha256;
        if (!resume || !File.Exists(path))
        {
            // Of two that were killed the first has what belongs to the results in the folder.
            if (File.Exists(path) && !File.Exists(_earlier))
                File.Move(path, _earlier);
            copy.Keep(path);
            return;
        }

        var now = Sha256;
        Sha256 = ReferenceCache.HashOf(path);
        if (Sha256 != now && !(anyWeights && weights.Memory is not null))
            throw new UserErrorException(
                $"The weights are not those that the job began with, which are in '{path}'; load these with lur_model_load, or "
                    + "begin anew with lur_job_run."
            );
    }

    /// <summary>SHA-256 of the file.</summary>
    public string Sha256 { get; }

    /// <summary>The job has its results: the file is theirs.</summary>
    public void Settle()
    {
        _settled = true;
        File.Delete(_earlier);
    }

    /// <summary>The job has left nothing: what was there before is there again.</summary>
    public void Withdraw()
    {
        if (_settled)
            return;
        if (File.Exists(_earlier))
            File.Move(_earlier, _path, overwrite: true);
        else
            File.Delete(_path);
        var folder = Path.GetDirectoryName(_path)!;
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }
}
