using Lur.Device;
using Lur.Models;

namespace Lur.Verification.Concepts;

/// <summary>The rows of one prompt in the table of a model.</summary>
internal static class PromptRows
{
    /// <summary>Reads them, [rows, width].</summary>
    /// <param name="model">A model that is told prompts.</param>
    /// <param name="label">Number of the prompt; that behind the last one is no prompt.</param>
    public static double[] Read(Model model, int label)
    {
        var (first, count) = Place(model, label);
        var wide = new double[count];
        if (model.Precision == Precision.Float64)
        {
            model.Buffers.Read<double>(first, wide);
            return wide;
        }

        var narrow = new float[count];
        model.Buffers.Read<float>(first, narrow);
        return Array.ConvertAll(narrow, x => (double)x);
    }

    /// <summary>Writes them.</summary>
    /// <param name="model">A model that is told prompts.</param>
    /// <param name="label">Number of the prompt.</param>
    /// <param name="rows">[rows, width].</param>
    public static void Write(Model model, int label, double[] rows)
    {
        var (first, _) = Place(model, label);
        if (model.Precision == Precision.Float64)
            model.Buffers.Write<double>(first, rows);
        else
            model.Buffers.Write<float>(first, Array.ConvertAll(rows, x => (float)x));
    }

    private static (int First, int Count) Place(Model model, int label)
    {
        var slot = model.Buffers.Layout[UNet.PromptRows];
        var count = slot.Count / slot.Shape[0];
        return (slot.Offset + (label * count), count);
    }
}
