using Lur.Data;

namespace Lur.Reports;

/// <summary>The first samples of every class as one PNG: a wrong label or a wrong channel order is seen at a glance.</summary>
public static class ContactSheet
{
    private const int Columns = 12;

    /// <summary>Writes an RGB image, a row for each class.</summary>
    public static void Write(Stream stream, IImageDataset data)
    {
        var grid = new ImageGrid(data.ClassNames.Count, Columns, data.Channels, data.Height, data.Width);
        var used = new int[data.ClassNames.Count];
        var open = used.Length;
        var sample = new byte[data.SampleBytes];
        for (var i = 0; i < data.Count && open > 0; i++)
        {
            var label = data.Label(i);
            if (used[label] == Columns)
                continue;
            data.CopyImage(i, sample);
            grid.Draw(label, used[label], sample);
            if (++used[label] == Columns)
                open--;
        }
        grid.Write(stream);
    }
}
