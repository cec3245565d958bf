namespace Lur.Generators;

internal static class Placeholder;
