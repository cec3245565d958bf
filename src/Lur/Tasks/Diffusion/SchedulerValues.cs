using System.Text.Json;

namespace Lur.Tasks.Diffusion;

/// <summary>Values of a scheduler's file by their types. What is missing, or null, has the default.</summary>
internal static class SchedulerValues
{
    /// <summary>A whole number.</summary>
    public static int Integer(this SchedulerFile file, string key, int missing, int least)
    {
        if (file.Find(key) is not { } entry)
            return missing;
        return entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out var value) && value >= least
            ? value
            : throw file.Bad(entry, $"a whole number of at least {least}");
    }

    /// <summary>A number between 0 and a bound, both excluded.</summary>
    public static double Number(this SchedulerFile file, string key, double missing, double below)
    {
        if (file.Find(key) is not { } entry)
            return missing;
        return Within(entry.Value, below) ?? throw file.Bad(entry, Range(below));
    }

    /// <summary>True or false.</summary>
    public static bool Flag(this SchedulerFile file, string key, bool missing) =>
        file.Find(key) is not { } entry ? missing
        : entry.Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? entry.Value.GetBoolean()
        : throw file.Bad(entry, "true or false");

    /// <summary>One of a few words.</summary>
    public static T Choice<T>(this SchedulerFile file, string key, (T Value, string Name)[] names, T missing)
    {
        if (file.Find(key) is not { } entry)
            return missing;
        foreach (var (value, name) in names)
        {
            if (entry.Value.ValueKind == JsonValueKind.String && entry.Value.ValueEquals(name))
                return value;
        }

        throw file.Bad(entry, $"one of {string.Join(", ", names.Select(n => n.Name))}");
    }

    /// <summary>A list of betas; null where there is none.</summary>
    public static IReadOnlyList<double>? Betas(this SchedulerFile file, string key)
    {
        if (file.Find(key) is not { } entry)
            return null;
        if (entry.Value.ValueKind != JsonValueKind.Array)
            throw file.Bad(entry, "a list of numbers");
        var betas = new List<double>();
        foreach (var item in entry.Value.EnumerateArray())
        {
            betas.Add(
                Within(item, 1)
                    ?? throw new UserErrorException(
                        $"'{file.Path}': number {betas.Count + 1} of '{key}' is {Spelt(item)}, expected {Range(1)}."
                    )
            );
        }

        return betas;
    }

    private static double? Within(JsonElement value, double below) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && number < below ? number : null;

    // As the file has it: see SchedulerFile.
    private static string Spelt(JsonElement item) =>
        item.GetRawText().Replace("\"N\"", "NaN", StringComparison.Ordinal).Replace("9.9e9999", "Infinity", StringComparison.Ordinal);

    private static string Range(double below) =>
        double.IsPositiveInfinity(below) ? "a number above 0" : $"a number between 0 and {below}, both excluded";
}
