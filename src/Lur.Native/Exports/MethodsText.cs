using System.Text.Json;
using Lur.Unlearning;

namespace Lur.Native.Exports;

/// <summary>The methods as text for programs.</summary>
internal static class MethodsText
{
    /// <summary>An array with an object for each method.</summary>
    public static string Json =>
        JsonText.Of(w =>
        {
            w.WriteStartArray();
            foreach (var method in MethodCatalog.All)
                Write(w, method);
            w.WriteEndArray();
        });

    private static void Write(Utf8JsonWriter w, MethodDefinition method)
    {
        w.WriteStartObject();
        w.WriteString("name", method.Name);
        w.WriteString("title", method.Title);
        w.WriteString("models", method.Task == MethodTask.Diffusion ? "UNets" : "classifiers");
        w.WriteString("summary", OptionNames.AsGiven(method.Summary));
        w.WriteString("source", OptionNames.AsGiven(method.Source));
        w.WriteString("departures", OptionNames.AsGiven(method.Departures));
        w.WriteStartArray("options");
        foreach (var option in method.Options)
        {
            w.WriteStartObject();
            w.WriteString("name", option.Name);
            w.WriteString("kind", option.Kind.ToString().ToLowerInvariant());
            w.WriteString("default", option.Default);
            w.WriteString("range", option.Range);
            w.WriteString("description", OptionNames.AsGiven(option.Description));
            w.WriteString("source", OptionNames.AsGiven(option.Source));
            w.WriteStartArray("choices");
            foreach (var choice in option.Choices)
                w.WriteStringValue(choice);
            w.WriteEndArray();
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }
}
