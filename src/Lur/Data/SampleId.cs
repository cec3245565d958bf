using System.Globalization;

namespace Lur.Data;

/// <summary>The one name of a sample: what people and files call it, whatever part of the data set is held out.</summary>
/// <param name="Number">Its place in the data set as it lies on disk, from 0. A test part with files of its own counts for itself.</param>
/// <param name="Name">Path of its picture in the folder of the data set, with '/', or file and record, such as
/// <c>data_batch_1.bin#17</c>; in Unicode normal form C.</param>
public readonly record struct SampleId(int Number, string Name)
{
    /// <summary>As sentences name it, for example <c>4 ('0/004.png')</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number} ('{Name}')");

    /// <summary>Names a record of a file. A file that is compressed has the name of what it holds, so that its samples keep theirs
    /// when it is unpacked.</summary>
    internal static SampleId OfRecord(int number, string path, int record)
    {
        var file = UnicodeText.Normal(Path.GetFileName(path));
        return new SampleId(number, string.Create(CultureInfo.InvariantCulture, $"{WithoutGzip(file)}#{record}"));
    }

    /// <summary>A file name without the ending of gzip.</summary>
    internal static string WithoutGzip(string file) => file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? file[..^3] : file;
}

/// <summary>A sample with what tells whether it is still the one that was meant.</summary>
/// <param name="Id">Number and name.</param>
/// <param name="Label">Its label, an index into the class names of its data set.</param>
/// <param name="ClassName">Name of its class.</param>
/// <param name="Sha256">Hash of its content (<see cref="IImageDataset.ContentSha256"/>).</param>
public sealed record SampleRecord(SampleId Id, int Label, string ClassName, string Sha256)
{
    /// <summary>Describes a sample.</summary>
    /// <exception cref="UserErrorException">Its file cannot be read.</exception>
    public static SampleRecord Of(IImageDataset data, int index)
    {
        ArgumentNullException.ThrowIfNull(data);
        var label = data.Label(index);
        return new SampleRecord(data.Identify(index), label, data.ClassNames[label], data.ContentSha256(index));
    }
}
