"""The features, a module a family: records that code, documents, reasons and cards all read."""
